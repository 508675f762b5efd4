"""Finds the landscape that a request is about: one that came with a sample, or one computed on this machine."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from threading import Lock

import numpy as np
import xarray as xr
from lossnav.core import InputError, Settings
from lossnav.core.properties import EVERYTHING, FORWARD
from lossnav.core.survey import (
    DamagedError,
    LandscapeInfo,
    MeasuredPoints,
    coordinates_of,
    filled,
    finest_complete,
    landscape,
    read_points,
    unmeasured,
    unpack,
    with_overlays,
)
from lossnav.sample_models import NAMES

from .cache import touch
from .request.survey import COORDINATE_TITLES, DEFAULT_GRID, FORWARD_ONLY, SurveyRequest
from .shared import READ, Recent

REDRAWN = 6  # times that an adaptive picture is drawn anew while its points double


@dataclass(frozen=True)
class Found:
    """A landscape on disk, complete or not.

    rows, columns  the finest complete level of its grid, which is what is drawn; empty before there is one
    damage         where it is damaged: the sentence that says how; then nothing of it is drawn
    """

    path: Path
    points: MeasuredPoints
    rows: np.ndarray
    columns: np.ndarray
    damage: str | None = None

    @property
    def done(self) -> int:
        """Measurements made, of `total`; a point counts once for each stage."""
        return self.points.made

    @property
    def total(self) -> int:
        return self.points.planned

    def complete(self, request: SurveyRequest) -> bool:
        """Whether everything that `request` asks for is measured, and how far to trust the plane is known."""
        fine_enough = not request.every or len(self.points.used) == 1 or (self.points.info.every or 1) <= request.every
        tolerance = self.points.info.tolerance
        near_enough = tolerance is None or 0 < tolerance.share <= request.tolerance
        measured = self.done == self.total and not unmeasured(self.points)
        measured &= len(self.points.used) == 1 or coordinates_of(self.points.info) == request.coordinates
        return near_enough and fine_enough and measured and self.points.info.fidelity is not None

    def older(self, request: SurveyRequest) -> str:
        """Readouts that a sample's shipped picture lacks of the request, and what measuring does; else empty."""
        here = coordinates_of(self.points.info)
        if self.path != shipped_path(request) or here == request.coordinates:
            return ""
        newer = len(unmeasured(self.points))
        lacks = f", and {newer} newer readouts are not in it" if newer else ""
        return (
            f"This finished picture came with the sample. Its curvature is in {COORDINATE_TITLES[here]}{lacks}. Measuring starts "
            f"anew, in {COORDINATE_TITLES[request.coordinates]}."
        )

    @property
    def drawable(self) -> int:
        """How fine the picture is: points that are drawn, of all stages; it grows when there is a better one to draw."""
        if self.points.info.tolerance is not None:
            made = [int(self.points.done_at(stage).sum()) for stage in self.points.used]
            looks = len((self.points.info.glance or {}).get("stages", ()))
            return looks + sum(int(REDRAWN * math.log2(count)) for count in made if count) if len(self.rows) else 0
        levels = (finest_complete(self.points.plan.grid(self.points.done_at(s), fill=False)) for s in self.points.used)
        return sum(len(level[0]) * len(level[1]) for level in levels if level is not None) if len(self.rows) else 0

    def measured(self, settings: Settings) -> xr.Dataset:
        """The whole grid for data files: what is measured, and of an adaptive survey also what lies between, each marked."""
        return landscape(self.points, settings)

    def landscape(self, settings: Settings) -> xr.Dataset:
        """The level that is drawn, with the readouts at `settings`; those of coarser grids are interpolated."""
        return filled(landscape(self.points, settings)).isel(alpha=self.rows, beta=self.columns)


def shipped_path(request: SurveyRequest) -> Path:
    """Where the landscape of a standard request would lie among the samples; of what is no sample, a place where nothing lies.

    A file's path is no name there: what somebody put beside it would be taken for what came with lossnav.
    """
    name = request.target if request.target in NAMES else "none"
    return Path(str(files("lossnav.sample_models"))) / "landscapes" / f"{name}.{request.plane}.zarr.zip"


def exact_match(request: SurveyRequest) -> Found | None:
    """The landscape of exactly this request: computed here, else shipped; None where there is none."""
    paths = [request.path, *([shipped_path(request)] if request.is_standard else [])]
    touch(request.path)
    overlays = (FORWARD,) if request.effort == FORWARD_ONLY else (EVERYTHING,)
    return next((_found(path, overlays) for path in paths if path.exists()), None)


def best(request: SurveyRequest) -> Found | None:
    """The landscape to draw for `request` now: of its own and the standard grid's, the one that shows more."""
    candidates = [exact_match(request), exact_match(request.at_standard_grid) if request.grid != DEFAULT_GRID else None]
    drawable = [found for found in candidates if found is not None and found.drawable]
    return max(drawable, key=lambda stored: stored.drawable, default=None)


def drawable(request: SurveyRequest) -> int:
    """How fine a picture there is of exactly this request; 0: none."""
    found = exact_match(request)
    return 0 if found is None else found.drawable


def _found(path: Path, overlays: Sequence[str] = ()) -> Found:
    """The landscape at `path`; the same object as long as nothing is written there, so that what was made of it stands.

    overlays  what it is to show, also where it was surveyed before there was such a readout
    """
    asked, last = time.monotonic(), _lasts.get(_found, path, _Last)
    with last.lock:
        if last.landscape is not None and last.began > asked:
            return last.landscape  # read by another session since then: while a survey writes, each would read it anew
        last.began, state = time.monotonic(), _state(path)
        if last.landscape is None or not state or last.state != state:
            found, lasts = _read(path, overlays)
            last.state, last.landscape = state if lasts else (), found  # what was being written is read again next time
            _lasts.grown(_found, path)
        return last.landscape


def _read(path: Path, overlays: Sequence[str]) -> tuple[Found, bool]:
    """The landscape at `path`, and whether that stands until something is written."""
    try:
        points = with_overlays(read_points(path), overlays)
    except DamagedError as error:
        return replace(_nothing(path), damage=str(error)), False
    except (InputError, OSError, KeyError):  # being created or replaced at this moment
        return _nothing(path), False
    level = drawn_level(points)
    rows, columns = level if level is not None else (np.array([], int), np.array([], int))
    return Found(path, points, rows, columns), True


class _Last:
    """When a path was read last, its state then, and what was found."""

    def __init__(self) -> None:
        self.lock, self.began = Lock(), 0.0
        self.state: tuple[tuple[str, int, int], ...] = ()
        self.landscape: Found | None = None

    @property
    def bytes(self) -> int:
        """What it holds, by far the most of it."""
        return 0 if self.landscape is None else self.landscape.points.values.nbytes + self.landscape.points.done.nbytes


_lasts = Recent[_Last](READ, lambda last: last.bytes)


def _state(path: Path) -> tuple[tuple[str, int, int], ...]:
    """Which files there are, and when each was written; a file that is replaced has another number."""
    files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
    try:
        return tuple((str(file), (about := file.stat()).st_mtime_ns, about.st_ino) for file in files)
    except OSError:  # being replaced at this moment
        return ()


def drawn_level(points: MeasuredPoints) -> tuple[np.ndarray, np.ndarray] | None:
    """The finest complete level; of an adaptive survey everything, as soon as it has one."""
    level = finest_complete(points.plan.grid(points.done_at("forward"), fill=False))
    if level is not None and points.info.tolerance is not None and "forward" in (points.info.refined or {}):
        return np.arange(len(points.plan.alpha)), np.arange(len(points.plan.beta))
    return level


def begin_from_shipped(request: SurveyRequest) -> None:
    """Let a survey of a sample go on from the landscape that came with it, where none was begun on this machine.

    One that is in other coordinates stays as it is, and the survey starts anew: `Found.older` says so.
    """
    shipped = shipped_path(request)
    if not request.is_standard or request.path.exists() or not shipped.exists():
        return
    if coordinates_of(read_points(shipped).info) == request.coordinates:  # in others it is another survey
        unpack(shipped, request.path)


def _nothing(path: Path) -> Found:
    from lossnav.core.survey import grid_plan

    plan = grid_plan((1, 1), ((0, 0), (0, 0)))
    empty = MeasuredPoints.empty(plan, {}, "float32", (), LandscapeInfo())
    return Found(path, empty, np.array([], int), np.array([], int))
