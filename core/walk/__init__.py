"""Walks of an optimiser in the full parameter space from any place, seen on a plane."""

from __future__ import annotations

from .recipe import OPTIMIZERS, Recipe
from .record import Walk, read_walk, write_walk
from .walk import walk

__all__ = ["OPTIMIZERS", "Recipe", "Walk", "read_walk", "walk", "write_walk"]
