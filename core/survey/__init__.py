"""Surveys: what is asked, what is measured next, where it is kept."""

from __future__ import annotations

from .coarse_fill import filled
from .cost import affordable_stride, estimate
from .footprint import require_room
from .going_on import as_begun
from .grid import finest_complete, grid_plan
from .info import LandscapeInfo
from .integrity import DamagedError
from .intervals import OLDER
from .landscape import MATRIX_NAMES, coordinates_of, landscape, landscape_as_measured
from .later import NOT_YET, unmeasured, with_overlays
from .packing import unpack
from .points import MeasuredPoints
from .reading import read_points
from .run import RUNNING, SurveyRun
from .specification import Specification
from .store import LandscapeStore
from .survey import surveyed

__all__ = [
    "MATRIX_NAMES",
    "NOT_YET",
    "OLDER",
    "RUNNING",
    "DamagedError",
    "LandscapeInfo",
    "LandscapeStore",
    "MeasuredPoints",
    "Specification",
    "SurveyRun",
    "affordable_stride",
    "as_begun",
    "coordinates_of",
    "estimate",
    "filled",
    "finest_complete",
    "grid_plan",
    "landscape",
    "landscape_as_measured",
    "read_points",
    "require_room",
    "surveyed",
    "unmeasured",
    "unpack",
    "with_overlays",
]
