"""Walks of an optimiser in the full parameter space, and trainings, seen on a plane; curves of low loss between two networks."""

from __future__ import annotations

from .curve import STEPS, Curve, low_loss_curve
from .recipe import OPTIMIZERS, Recipe
from .record import Walk, read_walk, write_walk
from .training import TrainingPath, training_path
from .walk import walk

__all__ = [
    "OPTIMIZERS",
    "STEPS",
    "Curve",
    "Recipe",
    "TrainingPath",
    "Walk",
    "low_loss_curve",
    "read_walk",
    "training_path",
    "walk",
    "write_walk",
]
