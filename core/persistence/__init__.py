"""The shape of a drawn surface: its minima, and how deep each is."""

from __future__ import annotations

from .minima import Minimum, minima

__all__ = ["Minimum", "minima"]
