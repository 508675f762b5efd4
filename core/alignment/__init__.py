"""Two networks with their hidden units in one order."""

from __future__ import annotations

from .weight_matching import Aligned, aligned

__all__ = ["Aligned", "aligned"]
