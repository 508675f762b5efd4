"""Straight lines between places of parameter space: the loss along them, and how high it rises between the ends."""

from __future__ import annotations

from .barrier import Barrier, barrier
from .basins import LEVEL, Pair, basins, judged
from .line import POINTS, losses_between

__all__ = ["LEVEL", "POINTS", "Barrier", "Pair", "barrier", "basins", "judged", "losses_between"]
