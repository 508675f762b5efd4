"""The course of a survey: which measurements, in which order, each written down as soon as it is made."""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..checks import UNFIT
from ..engine.evaluator import Evaluator
from ..local.context import Instruments
from ..local.evaluator import LocalEvaluator
from ..properties.protocol import STAGES
from ..properties.selection import waiting_for
from .points import MeasuredPoints
from .preview import KEY, Glance
from .provenance import environment
from .schedule import adaptive_course
from .store import LandscapeStore

Progress = Callable[[int, int], None]
SECONDS_BETWEEN_WRITES = 0.5


@dataclass
class Course:
    """A survey under way.

    points     what is measured; changed in place
    forward    the engine's evaluator of forward passes
    local      stage → evaluator of what is measured around points; only stages in use
    keeper     the store on disk, or None
    progress   called with (measurements made, measurements in all)
    glance     takes a first look before the first costly stage; None: it is not worth its time, or not wanted
    """

    points: MeasuredPoints
    forward: Evaluator
    local: dict[str, LocalEvaluator]
    keeper: LandscapeStore | None
    progress: Progress | None
    glance: Glance | None = None

    def run(self, finish: Callable[[dict[str, Any]], dict[str, Any]]) -> MeasuredPoints:
        """Measure what is not measured yet; `finish` makes of what is said so far what is said of the whole, at the end.

        However it ends, what was measured is on disk, signed with the machine that measured it.
        """
        started, before = time.time(), self.points.made
        more: dict[str, Any] = {}
        try:
            self._choose_way()
            if "centre" not in self.points.about:
                self.points.about["centre"] = self._centre()
                self._write_about()
            tolerance = self.points.tolerance
            course = self.points.course() if tolerance is None else adaptive_course(self.points, tolerance)
            for stage, rows in course:
                if stage != STAGES[0]:
                    self._look_first()
                if stage in self.points.used:
                    self._measured_or_given_up(stage, rows)
            self.points.about.pop(KEY, None)
            more = finish(self.points.about)
            self.points.about |= more
        finally:
            made = self.points.made - before
            if made or more:
                self._sign(started, made)
            self._write_about()
        return self.points

    def _look_first(self) -> None:
        """Once, show roughly what the costly stages will show."""
        glance, self.glance = self.glance, None
        try:
            for _ in glance.look(self.points) if glance is not None else ():
                self._write_about()
        except UNFIT:
            return  # the stage itself will say why

    def _measured_or_given_up(self, stage: str, rows: np.ndarray) -> None:
        """Measure; where a network breaks at the first point of a costly stage, say so and go on without that stage."""
        try:
            self._measure(stage, rows)
        except UNFIT as error:
            if stage == STAGES[0] or self.points.done_at(stage).any():
                raise
            about, why = self.points.about, str(error).strip().splitlines()[0]
            about["failed"] = [*about.get("failed", []), stage]
            sentence = f"This network could not be measured around a point ({why.rstrip('.')})."
            about["unavailable"] |= dict.fromkeys(waiting_for(stage, self.points.overlays), sentence)
            self._write_about()

    def _choose_way(self) -> None:
        """Run the network the way that the points measured so far were, or the fastest where there are none yet."""
        spec, done = self.points.about["spec"], self.points.done_at(STAGES[0])
        if "way" in spec:
            self.forward.pin(spec["way"])
        elif not done.any():
            self.forward.tune(self.points.plan.points, self.points.planned_at(STAGES[0]))
            spec["way"] = self.forward.way
            if self.forward.precision_error is not None:
                spec["precision_error"] = self.forward.precision_error

    def _centre(self) -> dict[str, float | None]:
        """The measured numbers at θ₀ itself, which an even grid, or one beside the origin, does not hold."""
        values = self.forward.evaluate(np.zeros((1, 2)))[0]
        named = zip(self.forward.columns, values, strict=True)
        return {c: float(v) if np.isfinite(v) else None for c, v in named}

    def _measure(self, stage: str, rows: np.ndarray) -> None:
        """Measure points at one stage, in their order, writing what is done every half second, also when interrupted."""
        kind, columns = STAGES.index(stage), self.points.columns_of(stage)
        waiting: list[int] = []
        last_write = time.monotonic()
        try:
            for row, values in zip(rows.tolist(), self._values(stage, rows), strict=True):
                self.points.values[row, columns] = values
                self.points.done[row, kind] = True
                waiting.append(row)
                if time.monotonic() - last_write > SECONDS_BETWEEN_WRITES:
                    self._write(waiting)
                    last_write = time.monotonic()
        finally:
            self._write(waiting)

    def _values(self, stage: str, rows: np.ndarray) -> Iterable[np.ndarray]:
        where = self.points.plan.points[rows]
        if stage in self.local:
            return self.local[stage].evaluate(where)
        return (row for tile in _tiles(where, self.forward.way["points"]) for row in self.forward.evaluate(tile))

    def _write(self, waiting: list[int]) -> None:
        if waiting and self.keeper is not None:
            self.keeper.write(self.points, slice(min(waiting), max(waiting) + 1))
            if self.points.tolerance is not None:
                self._write_about()  # the picture between the points is made from what was learned
        waiting.clear()
        if self.progress is not None:
            self.progress(self.points.made, self.points.planned)

    def _write_about(self) -> None:
        if self.keeper is not None:
            self.keeper.write_about(self.points)

    def _sign(self, started: float, made: int) -> None:
        run = {
            **environment(self.forward.workspace.device),
            "started": datetime.datetime.fromtimestamp(started, datetime.UTC).isoformat(timespec="seconds"),
            "seconds": round(time.time() - started, 3),
            "measurements": made,
        }
        self.points.about["provenance"] = [*self.points.about.get("provenance", []), run]


def _tiles(points: np.ndarray, at_once: int) -> Iterator[np.ndarray]:
    """Points until the next look at the clock: few at first, while the cost of one is not known, but all that go `at_once`."""
    start = 0
    while start < len(points):
        size = max(at_once, 1 if start < 8 else 8)
        yield points[start : start + size]
        start += size


def remember_basins(instruments: Instruments, points: MeasuredPoints) -> None:
    """Where the basins in measured points were met first, so that a survey taken up again numbers them the same."""
    if "basin" not in points.columns:
        return
    found = points.points.columns["basin"]
    for basin in range(1, 1 + int(np.nanmax(found, initial=0.0))):
        instruments.basin_starts.append(tuple(points.plan.points[np.flatnonzero(found == basin)[0]]))
