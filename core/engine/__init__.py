"""Many points of a plane, fast."""

from __future__ import annotations

from .evaluator import Evaluator

__all__ = ["Evaluator"]
