"""Planes through weight space: kinds, directions, projection."""

from __future__ import annotations

from .filter_coordinates import COORDINATES
from .identity import plane_identity
from .places import places_of
from .plane import Span
from .statistics import EVAL, OWN, on_plane, said_of

__all__ = ["COORDINATES", "EVAL", "OWN", "Span", "on_plane", "places_of", "plane_identity", "said_of"]
