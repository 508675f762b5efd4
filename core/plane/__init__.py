"""Planes through weight space: kinds, directions, projection."""

from __future__ import annotations

from .filter_coordinates import COORDINATES
from .identity import plane_identity
from .plane import Span
from .statistics import EVAL, on_plane, said_of

__all__ = ["COORDINATES", "EVAL", "Span", "on_plane", "plane_identity", "said_of"]
