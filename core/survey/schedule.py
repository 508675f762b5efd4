"""In which order points are measured: what shows most soonest; an adaptive survey's stages where they need it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
import xarray as xr

from ..adaptive.interpolated import scales_of
from ..adaptive.refinement import Followed, Refinement
from ..adaptive.tolerance import Tolerance
from ..machine.threads import one_blas_thread
from ..properties import OWNERS, READOUTS
from ..properties.protocol import STAGES
from ..properties.registry import HEIGHTS
from .grid import nested_grids
from .landscape import landscape_as_measured, numbers_of
from .points import MeasuredPoints
from .worth import Worth, now

COSTLY_STAGES = ("gradient", "curvature", "descent")  # the cheap first: each shows as soon as it can
WHOLE = {
    "forward": slice(1, 3),
    "costly": slice(0, 2),
}  # which nested grids are measured whole: 5 and 9 rows, or 3 and 5
FOR_CLASSES = slice(0, 4)  # where nothing can be interpolated: up to 17 rows
HELD_OUT = 24  # of forward passes; what is costly is refined without


class StageRefinement:
    """One stage of a survey on its way to the tolerance; `step` gives the rows of the plan to measure next.

    most  points that may be measured; None: as many as it takes
    """

    def __init__(
        self,
        points: MeasuredPoints,
        stage: str,
        tolerance: Tolerance,
        followed: dict[str, Followed],
        most: int | None = None,
    ) -> None:
        self.points, self.stage = points, stage
        kind = "forward" if stage == STAGES[0] else "costly"
        candidates = points.plan.grid(points.wanted_at(stage), fill=False)
        levels = nested_grids((candidates.shape[0], candidates.shape[1]))
        least = min(HELD_OUT, max(4, int(candidates.sum()) // 20))
        self._rows = points.plan.grid(np.arange(len(points.plan.cells)), fill=0)
        whole = levels[WHOLE[kind] if followed else FOR_CLASSES] or levels[:1]
        if most is not None:  # of classes too, which have finer whole grids than numbers
            least_whole = (levels[WHOLE["costly"]] or levels[:1])[-1]
            whole = [level for level in whole if _size(level) <= max(most, _size(least_whole))]
        self.refinement = Refinement(
            whole,
            candidates,
            followed,
            tolerance.share_of(stage),
            least if kind == "forward" else 0,
            rounding=float(np.finfo(points.values.dtype).eps),
            most=most if most is None or most < candidates.sum() else None,
        )
        with one_blas_thread:  # whose libraries are looked for at the first use, which is no part of the first decision
            self.worth = Worth(tolerance.deciding)
        self.whole = bool((points.info.refined or {}).get(stage, {}).get("whole"))
        self.ended = False

    def step(self) -> np.ndarray | None:
        """Rows to measure, less those that are measured already; None when the stage is done with."""
        while not self.ended and self.stage in self.points.used:
            rows = self._left() if self.whole else self._chosen()
            if rows is None:
                break
            if len(rows):
                return rows
            if self.whole:
                break
        self.ended = True
        return None

    def _chosen(self) -> np.ndarray | None:
        """The next choice's rows that are not measured yet; None when nothing more is needed, all where choosing takes too long."""
        if not self._pays():  # not even if all that is left were saved
            return self._all()
        refinement, started = self.refinement, now()
        names = refinement.driving
        numbers = numbers_of(self.points, names)
        noise = {name: _noise(self.points, numbers, name) for name in names if f"{name}_se" in numbers}
        cells = refinement.next({name: numbers[name] for name in names}, noise)
        self.worth.decided(now() - started)
        if len(cells) and not self._pays(refinement.waiting):
            return self._all()
        self._note()
        if not len(cells):
            return None
        rows = np.sort(self._rows[tuple(cells.T)])
        return rows[~self.points.done_at(self.stage)[rows]]

    def _pays(self, waiting: int | None = None) -> bool:
        """Whether another choice may save what it takes; where nothing is left it takes nothing, and what cannot be measured
        whole is chosen from."""
        refinement = self.refinement
        left = int((refinement.candidates & ~refinement.asked).sum())
        return left == 0 or refinement.most is not None or self.worth.pays(left, waiting)

    def _all(self) -> np.ndarray:
        """Choose no more, and measure the whole stage."""
        self.whole = True
        self._note()
        return self._left()

    def _left(self) -> np.ndarray:
        """All rows of the stage that are not measured."""
        if self.stage not in (self.points.info.refined or {}):
            self._note()
        return np.flatnonzero(self.points.wanted_at(self.stage) & ~self.points.done_at(self.stage))

    def _note(self) -> None:
        """Write down how many points are asked for, which readouts are interpolated, whose errors decide, and whether the whole grid is measured."""
        info, refinement = self.points.info, self.refinement
        asked = refinement.candidates.sum() if self.whole else refinement.asked.sum() + refinement.waiting
        lesson = {
            "share": refinement.tolerance,
            "asked": int(asked),
            "deciding": sorted(refinement.driving),
            "readouts": sorted(refinement.followed),
            **({"whole": True} if self.whole else {}),
            **({"most": refinement.most} if refinement.room == 0 and refinement.beyond else {}),
        }
        self.points.info = replace(info, refined={**(info.refined or {}), self.stage: lesson})


def _size(level: tuple[np.ndarray, np.ndarray]) -> int:
    """The points of a whole grid."""
    return len(level[0]) * len(level[1])


def _noise(points: MeasuredPoints, numbers: Mapping[str, np.ndarray], name: str) -> np.ndarray:
    """How far another seed would move a readout: its standard error, or the column that says so where that is a bound."""
    column = READOUTS[name].noise if name in READOUTS else ""
    if column not in points.columns:
        return numbers[f"{name}_se"]
    return points.plan.grid(points.values[:, points.columns.index(column)])


def schedule(points: MeasuredPoints, most: Mapping[str, int] = {}) -> Iterator[tuple[str, np.ndarray]]:
    """(stage, rows of points) still to be measured; each must be measured before the next is asked for.

    most  stage → the points that an adaptive survey may measure of it
    """
    tolerance = points.info.tolerance
    return full_schedule(points) if tolerance is None else adaptive_schedule(points, tolerance, most)


def full_schedule(points: MeasuredPoints) -> Iterator[tuple[str, np.ndarray]]:
    """(stage, rows of points) still to be measured on a full grid.

    The terrain to half its fineness; a coarse picture of the curvature; the rest of the terrain; then what is costly,
    level by level.
    """
    levels = points.plan.levels
    fine, coarse = levels == levels.min(), levels == levels.max()
    costly = [stage for stage in ("curvature", "gradient", "descent") if stage in points.used]
    steps = [(STAGES[0], ~fine | coarse)]
    steps += [(stage, coarse) for stage in costly if stage == "curvature"]
    steps += [(STAGES[0], fine)]
    steps += [(stage, levels == level) for level in np.unique(levels)[::-1] for stage in costly]
    for stage, rows in steps:
        left = np.flatnonzero(rows & points.wanted_at(stage) & ~points.done_at(stage))
        if len(left):
            yield stage, left


def adaptive_schedule(
    points: MeasuredPoints, tolerance: Tolerance, most: Mapping[str, int] = {}
) -> Iterator[tuple[str, np.ndarray]]:
    """(stage, rows) to measure; each must be measured before the next is asked for.

    The choice depends on the values alone, so a survey that was stopped asks for the same points again, finds them
    measured, and goes on. Only that choosing takes too long for what it saves, upon which the whole grid is measured, depends
    on the clock (see `Worth`); that is written down and kept to.
    """
    for stage in points.used:
        if is_over(points, stage):
            _retell(points, stage, tolerance)
    stages = {
        stage: StageRefinement(points, stage, tolerance, followed(points, stage, tolerance), most.get(stage))
        for stage in points.used
        if not is_over(points, stage)
    }
    costly = [stages[stage] for stage in COSTLY_STAGES if stage in stages]
    forward = [stages[STAGES[0]]] if STAGES[0] in stages else []
    for group in (forward, forward, forward, costly):  # the third learns from the second how to draw what lies between
        yield from _round(group)
    while any(not stage.ended for stage in forward):
        yield from _round(forward)
    while any(not stage.ended for stage in costly):
        yield from _round(costly)


def is_over(points: MeasuredPoints, stage: str) -> bool:
    """Whether every point that a stage is wanted at is measured, so that there is nothing left to choose."""
    return bool(points.done_at(stage)[points.wanted_at(stage)].all())


def _retell(points: MeasuredPoints, stage: str, tolerance: Tolerance) -> None:
    """Of a stage that is over, say the readouts that it has now, which may have become more, and what is asked of it now."""
    info = points.info
    if stage in (info.refined or {}):
        read = followed(points, stage, tolerance)
        lesson = {
            **(info.refined or {})[stage],
            "share": tolerance.share_of(stage),
            "deciding": sorted(name for name, follows in read.items() if follows.drives),
            "readouts": sorted(read),
        }
        points.info = replace(info, refined={**(info.refined or {}), stage: lesson})


def _round(group: list[StageRefinement]) -> Iterator[tuple[str, np.ndarray]]:
    for stage in group:
        rows = stage.step()
        if rows is not None:
            started = now()
            yield stage.stage, rows
            stage.worth.measured(len(rows), now() - started)


def followed(points: MeasuredPoints, stage: str, tolerance: Tolerance) -> dict[str, Followed]:
    """The readouts of a stage that interpolation is for: quantities that are measured; closed forms and classes are not.

    What decides where to measure are the loss, the primary readouts of the properties asked for, and in the costly stages
    the first readout of each property.
    """
    bare = replace(points, done=np.zeros_like(points.done))
    land, drives = landscape_as_measured(bare), _driving(points, stage)
    readouts = {}
    for name in map(str, land.data_vars):
        if _is_measured(land[name], stage):
            clip = tolerance.clip if name == "loss" else None
            readouts[name] = Followed(scales_of(land[name], tolerance.scale, HEIGHTS), name in drives, clip)
    return readouts


def _is_measured(variable: xr.DataArray, stage: str) -> bool:
    about = variable.attrs
    quantity = about.get("stage") == stage and "labels" not in about and "error_of" not in about
    return quantity and float(variable.isnull().mean()) > 0.5  # one may be known by its definition at a place, as at θ₀


def _driving(points: MeasuredPoints, stage: str) -> set[str]:
    driving = {"loss"}
    for owner in OWNERS:
        here = [
            r.variable for r in owner.readouts if r.variable in points.overlays and r.stage == stage and not r.labels
        ]
        if stage == STAGES[0]:
            here = [v for v in here if v == owner.readouts[0].variable]
        driving |= set(here[:1])
    return driving
