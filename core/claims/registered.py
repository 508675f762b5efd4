"""Hashes of the code that decides, as registered. Written by `python -m benchmarks.register_claims`."""

from __future__ import annotations

REGISTERED: dict[str, str] = {
    "memory": "ddc09cebf4a0735c5186d743cc13c92419e313a26b699f7d63ec1dc8dd103e81",
}
