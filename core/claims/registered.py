"""Hashes of the code that decides, as registered. Written by `python -m benchmarks.register_claims`."""

from __future__ import annotations

REGISTERED: dict[str, str] = {
    "memory": "1c97bd8693a4016a88bd2d76955b26f10cc3a9bfa55b15999531c034c3659207",
    "coupling": "5a08c19e9135375e3304f163324369c3a27d5589296ded4e6eb08e4c32d2c68f",
}
