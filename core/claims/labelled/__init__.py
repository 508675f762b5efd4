"""A person's own population: networks with labels, and whether these can be told from spectrum, weights and function."""

from __future__ import annotations

from .networks import Labelled, labelled
from .told import Told, labels_told

__all__ = ["Labelled", "Told", "labelled", "labels_told"]
