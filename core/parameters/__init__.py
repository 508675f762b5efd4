"""Parameters as one vector: their layout, arithmetic with them, and digests of arrays and settings."""

from __future__ import annotations

from .hashing import digest

__all__ = ["digest"]
