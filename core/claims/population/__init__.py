"""Populations of small networks: trained side by side, brought to equal loss, measured, stored as they grow."""

from __future__ import annotations

from .chunks import CHUNK, Arrays, Population, Progress, made
from .data import Data, data_of
from .finish import LEVELS
from .hessian import hessians
from .network import SHAPE, Shape, losses, outputs
from .recipes import CONTRASTS, NEGATIVE, POSITIVE, REAL, Contrast, Recipe, contrast_of

__all__ = [
    "CHUNK",
    "CONTRASTS",
    "LEVELS",
    "NEGATIVE",
    "POSITIVE",
    "REAL",
    "SHAPE",
    "Arrays",
    "Contrast",
    "Data",
    "Population",
    "Progress",
    "Recipe",
    "Shape",
    "contrast_of",
    "data_of",
    "hessians",
    "losses",
    "made",
    "outputs",
]
