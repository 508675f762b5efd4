"""How one plane is measured while one watches: coarse first, from part of the examples where all take too long, then sharper."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator
from dataclasses import replace

import numpy as np
from lossnav.core.plane import plane_identity
from lossnav.core.properties import STAGES
from lossnav.core.survey import LandscapeInfo, MeasuredPoints, SurveyRun, grid_plan

from ..request.planes import make_plane, zoomed
from ..request.survey import SurveyRequest
from .session import FIRST_SECONDS, Gauge, LiveSession, Turned
from .snapshot import Snapshot

DRAWN = 65  # rows that are drawn, whatever is measured, so that a sharper picture has the same vertices
SIZES = (5, 9, 17, 33, 65)
FINEST_SECONDS = 40.0  # a level that would take longer is left out
CHUNK_SECONDS = 0.06  # after which a newer wish can take over


class LiveSequence:
    """The pictures of one plane, one after another.

    bench, request   what is measured, and on which plane
    """

    def __init__(self, bench: LiveSession, request: SurveyRequest) -> None:
        self.bench = bench
        self.plane = make_plane(bench.problem, request)
        self.plan = grid_plan((DRAWN, DRAWN), zoomed(self.plane.span, request.zoom))
        # how many rows the grid has when a point comes in: 3, 5, 9 …
        self._sides = 2 * (self.plan.levels.max() // self.plan.levels) + 1
        self._identity = plane_identity(self.plane)
        self._steps = self._run()
        self.last: Snapshot | None = None

    def advance(self) -> Snapshot | None:
        """Measure a little more; a sharper picture, or None where there is none yet."""
        look = next(self._steps, None)
        self.last = look or self.last
        return look

    def close(self) -> None:
        """Measure no further, and free the memory at once: until then, this and its steps refer to each other."""
        self._steps.close()

    @property
    def finished(self) -> bool:
        return self.last is not None and self.last.finished

    def _run(self) -> Generator[Snapshot | None]:
        """First pictures from part of the examples, what is still to be prepared, then all examples level by level."""
        bench, points = self.bench, self._empty()
        whole, shown = bench.part is bench.full, 0
        for shown in self._first_sizes(whole):
            yield from self._measured(points, bench.part, shown)
            yield self._look(points, bench.part, finished=False)
        while not bench.ready:
            bench.prepare()
            yield None
        points = self._prepared(points) if whole else self._empty()
        coarser, pace = (shown if whole else SIZES[0]), bench.full.pace
        sizes = [n for n in SIZES if n > coarser and n * n * pace < FINEST_SECONDS] or [max(shown, SIZES[1])]
        for size in sizes:
            yield from self._measured(points, bench.full, size)
            yield self._look(points, bench.full, finished=size == sizes[-1])

    def _first_sizes(self, whole: bool) -> list[int]:
        """The finest level that the first picture has time for, and 9 × 9 after it."""
        pace = self.bench.part.pace
        affordable = [n for n in SIZES[: 3 if whole else 2] if n * n * pace <= 1.3 * FIRST_SECONDS]
        first = max(affordable, default=SIZES[0])
        return [first] if first >= SIZES[1] else [first, SIZES[1]]

    def _measured(self, points: MeasuredPoints, gauge: Gauge, size: int) -> Iterator[None]:
        """Measure what is missing of a level, a chunk at a time."""
        rows = np.flatnonzero((self._sides <= size) & ~points.done_at(STAGES[0]))
        run = SurveyRun(points, Turned(gauge, self.plane), order=lambda _: [(STAGES[0], rows)])
        while run.advance(CHUNK_SECONDS):
            yield None

    def _empty(self) -> MeasuredPoints:
        bench = self.bench
        asked = bench.wanted()
        facts = asked.facts(bench.problem, self.plane)
        asked = asked.without_unavailable(facts)
        info = LandscapeInfo(bench.problem.name, bench.identity, self._identity, facts, asked.reasons)
        columns = {STAGES[0]: bench.full.evaluator.columns}
        return MeasuredPoints.empty(self.plan, columns, "float64", asked.variables, info)

    def _prepared(self, points: MeasuredPoints) -> MeasuredPoints:
        """The same points with what was made ready meanwhile."""
        fresh = self._empty()
        return replace(points, overlays=fresh.overlays, info=replace(fresh.info, centre=points.info.centre))

    def _look(self, points: MeasuredPoints, gauge: Gauge, finished: bool) -> Snapshot:
        if points.info.centre is None:
            values = Turned(self.bench.full, self.plane).evaluate(np.zeros((1, 2)))[0].tolist()
            named = zip(points.columns, values, strict=True)
            centre = {name: value if math.isfinite(value) else None for name, value in named}
            points.info = replace(points.info, centre=centre)
        copied = replace(points, values=points.values.copy(), done=points.done.copy())
        return Snapshot(copied, gauge.examples, self.bench.problem.example_count, finished)
