"""Finds the landscape that a request is about: one that came with a sample, or one computed on this machine."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

import numpy as np
import xarray as xr
from lossnav.core import InputError, Settings
from lossnav.core.landscape import MeasuredPoints
from lossnav.core.plan import finest_complete
from lossnav.core.store import read_points

from .survey_request import DEFAULT_GRID, SurveyRequest


@dataclass(frozen=True)
class Found:
    """A landscape on disk, complete or not.

    rows, columns  the finest complete level of its grid, which is what is drawn; empty before there is one
    """

    path: Path
    points: MeasuredPoints
    rows: np.ndarray
    columns: np.ndarray

    @property
    def done(self) -> int:
        """Points measured."""
        return int(self.points.done.sum())

    @property
    def total(self) -> int:
        """Points in all."""
        return len(self.points.done)

    @property
    def complete(self) -> bool:
        """Whether every point is measured, and how far to trust the plane is known."""
        return self.done == self.total and "fidelity" in self.points.about

    @property
    def drawable(self) -> int:
        """Points of the level that is drawn."""
        return len(self.rows) * len(self.columns)

    def landscape(self, settings: Settings) -> xr.Dataset:
        """The level that is drawn, with the readouts at `settings`."""
        return self.points.landscape(settings).isel(alpha=self.rows, beta=self.columns)


def shipped_path(request: SurveyRequest) -> Path:
    """Where the landscape of a standard request would lie among the samples."""
    return Path(str(files("lossnav.sample_models"))) / "landscapes" / f"{request.target}.{request.plane}.zarr.zip"


def own(request: SurveyRequest) -> Found | None:
    """The landscape of exactly this request: computed here, else shipped; None where there is none."""
    paths = [request.path, *([shipped_path(request)] if request.is_standard else [])]
    return next((_found(path) for path in paths if path.exists()), None)


def best(request: SurveyRequest) -> Found | None:
    """What to draw for `request` now: of its own landscape and the standard grid's, the one that shows more."""
    candidates = [own(request), own(request.at_standard_grid) if request.grid != DEFAULT_GRID else None]
    drawable = [found for found in candidates if found is not None and found.drawable]
    return max(drawable, key=lambda found: found.drawable, default=None)


def _found(path: Path) -> Found:
    try:
        points = _read_shipped(path) if path.suffix == ".zip" else read_points(path)
    except (InputError, OSError, KeyError):  # being created or replaced at this moment: look again at the next turn
        return _nothing(path)
    level = finest_complete(points.plan.grid(points.done, fill=False))
    rows, columns = level if level is not None else (np.array([], int), np.array([], int))
    return Found(path, points, rows, columns)


@lru_cache(maxsize=32)
def _read_shipped(path: Path) -> MeasuredPoints:
    return read_points(path)  # what came with the samples never changes


def _nothing(path: Path) -> Found:
    from lossnav.core.plan import grid_plan

    plan = grid_plan((1, 1), ((0, 0), (0, 0)))
    empty = MeasuredPoints(plan, (), np.empty((1, 0)), np.zeros(1, bool), ())
    return Found(path, empty, np.array([], int), np.array([], int))
