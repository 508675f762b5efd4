"""Hashes of the code that decides, as registered. Written by `python -m benchmarks.register_claims`."""

from __future__ import annotations

REGISTERED: dict[str, str] = {
    "memory": "974eabf40fc2a8ac66c03219af0c30678a148f731af5c04cab69159a6dd860c6",
}
