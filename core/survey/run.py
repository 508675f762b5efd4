"""A survey under way: which measurements, in which order, each written down as soon as it is made."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

import numpy as np
import torch

from ..checks import UNFIT, InputError, first_line
from ..engine.evaluator import Evaluator
from ..local.evaluator import LocalEvaluator
from ..properties.protocol import STAGES
from ..properties.selection import reading
from .affordable import affordable_points
from .fidelity import fidelity
from .further_samples import further_samples
from .info import Json
from .landscape import known_at
from .left_out import note, note_failed, note_fallbacks, note_hopeless, note_nowhere, note_unfit
from .points import MeasuredPoints
from .preview import Glance, glance_of
from .provenance import run_record
from .schedule import is_over, schedule
from .specification import Specification
from .store import LandscapeStore
from .way import choose_again, choose_way, note_turns

Progress = Callable[[int, int], None]


class ForwardEvaluator(Protocol):
    """Takes forward passes, as `Evaluator` does."""

    @property
    def columns(self) -> tuple[str, ...]: ...

    @property
    def way(self) -> dict[str, Any]: ...

    def evaluate(self, points: np.ndarray) -> np.ndarray: ...


class Elsewhere(Protocol):
    """Measures in other processes what a run would measure in its own; what it gives comes in the order of the points.

    forward  the evaluator, points (m, 2) → a row of its columns for each
    around   stage, the stage's evaluator, places (α, β) → what each of its measures finds there
    """

    def forward(self, evaluator: Evaluator, points: np.ndarray) -> Iterator[np.ndarray]: ...

    def around(self, stage: str, evaluator: LocalEvaluator, places: list[list[float]]) -> Generator[list[Any]]: ...

    def signed(self) -> Json: ...


SECONDS_BETWEEN_WRITES = 0.5
TILE_SECONDS, MOST_IN_TILE = 0.02, 512  # of forward passes
RUNNING = "running"  # of a run in the provenance: that it has not ended, or was killed


@dataclass
class SurveyRun:
    """A survey under way: points, and what measures them; as far as it is measured, all of it is in `points`.

    points     what is measured; changed in place
    forward    the engine's evaluator of forward passes
    local      stage → evaluator of what is measured around points; only stages in use
    keeper     the store on disk, or None
    progress   called with (measurements made, measurements in all)
    glance     takes a first look before the first costly stage; None: it is not worth its time, or not wanted
    specification  what belongs to the survey as a whole is measured too: the fastest way of the network, θ₀, how far to trust
               the plane; and the whole is signed. None: points alone
    order      points → (stage, rows) still to be measured; each is measured before the next is asked for
    elsewhere  other processes that measure the points; the way, θ₀ and the plane's fidelity are measured here. None: there are none
    """

    points: MeasuredPoints
    forward: ForwardEvaluator
    local: Mapping[str, LocalEvaluator] = field(default_factory=dict)
    keeper: LandscapeStore | None = None
    progress: Progress | None = None
    glance: Glance | None = None
    specification: Specification | None = None
    order: Callable[[MeasuredPoints], Iterable[tuple[str, np.ndarray]]] = schedule
    elsewhere: Elsewhere | None = None

    def __post_init__(self) -> None:
        self._steps = self._measured() if self.specification is None else self._run(self.specification)
        self._at_ease = True
        self._count: Callable[[], None] | None = None  # signs the run with what it has measured so far

    @classmethod
    def of(
        cls, specification: Specification, progress: Progress | None = None, elsewhere: Elsewhere | None = None
    ) -> SurveyRun:
        """A survey of which nothing is measured yet, and which is kept nowhere.

        Raises
        ------
        InputError  an impossible precision or batch size
        """
        spec, forward, instruments = specification, specification.evaluator(), specification.instruments()
        local = {stage: LocalEvaluator(instruments, measures) for stage, measures in spec.local_measures.items()}
        width = "float64" if spec.number == torch.float64 else "float32"
        info = spec.info(instruments.notes if local else None)
        points = MeasuredPoints.empty(spec.plan, spec.columns, width, spec.measured.variables, info)
        order = partial(schedule, most=affordable_points(spec.problem, spec.estimation, spec.local_measures))
        return cls(points, forward, local, progress=progress, specification=spec, order=order, elsewhere=elsewhere)

    def keep_in(self, keeper: LandscapeStore, overwrite: bool = False, repair: bool = False) -> None:
        """Go on from what is measured in a store, and write everything down there; the store must be held for writing.

        overwrite  measure anew what is there, which is kept until the new landscape is complete
        repair     measure again what is damaged there

        Raises
        ------
        InputError  the store holds another landscape
        """
        assert self.specification is not None
        self.keeper, spec = keeper, self.specification
        begin = keeper.replace_with if overwrite else keeper.repair if repair else keeper.open_or_create
        self.points = begin(self.points, spec.as_json())
        if self.local:
            self._say(every=min(spec.every, self.points.info.every or spec.every))
            instruments = next(iter(self.local.values())).instruments
            known = known_at(self.points)
            for each in self.local.values():
                each.recall(self.points.plan.points, np.column_stack([known.columns[c] for c in each.columns]))
            self.glance = glance_of(instruments, spec.local_measures) if spec.allowed is not None else None
        # a survey that goes on keeps to what is asked of it now, be it closer, looser or every point
        lessons = {
            stage: lesson
            for stage, lesson in (self.points.info.refined or {}).items()
            if lesson.get("whole") or is_over(self.points, stage)
        }
        self._say(tolerance=spec.allowed, refined=lessons if lessons and spec.allowed is not None else None)

    def run(self) -> MeasuredPoints:
        """Measure what is not measured yet.

        However it ends, what was measured is on disk, signed with the machine that measured it.
        """
        try:
            self.advance(math.inf)
        finally:
            self.close()
        return self.points

    def advance(self, seconds: float) -> bool:
        """Measure for about `seconds`; whether something is left.

        A point, and of costly stages as many as are measured at once, is not left half measured.
        """
        self._at_ease, until = math.isinf(seconds), time.perf_counter() + seconds
        return any(time.perf_counter() >= until for _ in self._steps)

    def close(self) -> None:
        """Measure no further: what was measured is written down, and memory is free at once."""
        self._steps.close()

    def _run(self, specification: Specification) -> Generator[None]:
        """The whole survey; it stops wherever a point is done."""
        started, before, more = time.time(), self.points.made, False
        signed = self.points.info.provenance or ()
        try:
            assert isinstance(self.forward, Evaluator)
            choose_way(self.points, self.forward)
            self._note_fallbacks()
            if before < self.points.planned:  # signed now and counted as it goes: a run that is killed has measured too
                self._count = lambda: self._sign(
                    signed, specification, started, self.points.made - before, running=True
                )
                self._count()
                self._write_info()
            centre = self.points.info.centre or {}
            if not {self.points.columns[i] for i in self.points.columns_of(STAGES[0])} <= set(centre):
                self._say(centre={**self._centre(), **centre})
                self._write_info()
            yield from self._filled_in()
            yield from self._measured()
            self._say(glance=None)
            info = self.points.info
            self._say_of_the_whole(specification)
            more = self.points.info is not info
        finally:
            made = self.points.made - before
            if made or more:
                self._sign(signed, specification, started, made)
            else:
                self._say(provenance=tuple({k: v for k, v in run.items() if k != RUNNING} for run in signed) or None)
            self._write_info()

    def _measured(self) -> Generator[None]:
        """The points, in their order."""
        for stage, rows in self.order(self.points):
            if stage != STAGES[0]:
                self._look_first()
            elif self.points.info.tolerance is not None:
                yield from self._choose_again(rows)
            if stage in self.points.used:
                yield from self._measured_or_given_up(stage, rows)

    def _filled_in(self) -> Iterator[None]:
        """Columns that came later, at the points whose other numbers of the same stage are there already."""
        for stage, left in (self.points.info.later or {}).items():
            rows = np.flatnonzero(self.points.done_at(stage))[left["filled"] :]
            try:
                yield from self._measure(stage, rows, left["columns"])
            except UNFIT as error:
                if stage == STAGES[0] or (self.points.info.later or {})[stage]["filled"]:
                    raise
                note_unfit(self.points, reading(left["columns"], self.points.overlays), error)
            self._note_hopeless(stage)
            self._say(later={s: each for s, each in (self.points.info.later or {}).items() if s != stage} or None)
            self._write_info()

    def _say_of_the_whole(self, specification: Specification) -> None:
        """The descents' steps, and how far to trust the plane."""
        note_nowhere(self.points)
        spec, info = specification, self.points.info
        if "descent" in self.local and info.descents is None:
            self._say(descents=self.local["descent"].steps)
        if spec.fidelity and info.fidelity is None:
            further = {"samples": self._other_samples} if "curvature" in self.points.used else {}
            self._say(fidelity=fidelity(spec.problem, spec.plane, spec.where, spec.number, spec.seed, further))
        for each in list(self.local.values())[:1]:  # all have the same instruments
            note_fallbacks(self.points, each.instruments.fallbacks)

    def _other_samples(self) -> dict[str, Json]:
        assert self.specification is not None
        found = further_samples(self.specification, self.local["curvature"].instruments.networks)
        return {"samples": found} if found else {}

    def _say(self, **more: object) -> None:
        note(self.points, **more)

    def _look_first(self) -> None:
        """Once, show roughly what the costly stages will show."""
        glance, self.glance = self.glance, None
        try:
            for _ in glance.look(self.points) if glance is not None else ():
                self._write_info()
        except UNFIT:
            return  # the stage itself will say why

    def _measured_or_given_up(self, stage: str, rows: np.ndarray) -> Iterator[None]:
        """Measure; where a network breaks at the first point of a costly stage, say so and go on without that stage."""
        try:
            yield from self._measure(stage, rows)
        except UNFIT as error:
            if stage == STAGES[0]:
                raise
            if self.points.done_at(stage).any():
                raise InputError(
                    f"The survey stopped at its {stage} stage ({first_line(error)}): what was measured is kept."
                ) from error
            note_failed(self.points, stage, error)
            self._write_info()
        self._note_hopeless(stage)

    def _note_hopeless(self, stage: str) -> None:
        if stage in self.local and note_hopeless(self.points, self.local[stage]):
            self._write_info()

    def _choose_again(self, rows: np.ndarray) -> Iterator[None]:
        """Where an adaptive survey measures a whole grid after all, run the network the way that is fastest for so many points.

        The few that are measured are measured again that way, so that all numbers are those of the full grid's survey, to the last bit.
        """
        if (
            self.elsewhere is None
            and isinstance(self.forward, Evaluator)
            and choose_again(self.points, self.forward, rows)
        ):
            self._write_info()
            yield from self._measure(STAGES[0], np.flatnonzero(self.points.done_at(STAGES[0])))

    def _note_fallbacks(self) -> None:
        if isinstance(self.forward, Evaluator) and note_turns(self.points, self.forward):
            self._write_info()

    def _forward_elsewhere(self, points: np.ndarray) -> Iterator[np.ndarray]:
        assert self.elsewhere is not None
        assert isinstance(self.forward, Evaluator)
        for row in self.elsewhere.forward(self.forward, points):
            self._note_fallbacks()
            yield row

    def _forward(self, points: np.ndarray) -> np.ndarray:
        found = self.forward.evaluate(points)
        self._note_fallbacks()
        return found

    def _centre(self) -> dict[str, float | None]:
        """The measured numbers at θ₀ itself, which an even grid, or one beside the origin, does not hold."""
        values = self._forward(np.zeros((1, 2)))[0]
        named = zip(self._evaluated(STAGES[0]), values, strict=True)
        return {c: float(v) if np.isfinite(v) else None for c, v in named}

    def _evaluated(self, stage: str) -> Sequence[str]:
        """The names of the columns that a stage's evaluator gives, in its order: those of `points` stand as they came."""
        if stage in self.local:
            return self.local[stage].columns
        return self.forward.columns

    def _measure(self, stage: str, rows: np.ndarray, later: Sequence[str] | None = None) -> Iterator[None]:
        """Measure points at one stage, in their order, writing what is done every half second, also when interrupted.

        later  the columns to be filled in where the stage's others are measured; None: all of them
        """
        names = [name for name in self._evaluated(stage) if later is None or name in later]
        kind, columns = STAGES.index(stage), [self.points.columns.index(name) for name in names]
        waiting: list[int] = []
        last_write = time.monotonic()
        try:
            for tile in self._tiles(stage, rows):
                for block, values in self._blocks(stage, tile, names):
                    self.points.values[block[:, None], columns] = values
                    self.points.done[block, kind] = True
                    waiting.extend(block.tolist())
                    if time.monotonic() - last_write > SECONDS_BETWEEN_WRITES:
                        self._write(waiting, stage if later else None)
                        last_write = time.monotonic()
                yield
        finally:
            self._write(waiting, stage if later else None)

    def _blocks(self, stage: str, rows: np.ndarray, names: list[str]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """(some of the rows, in their order; their numbers, a row for each), as they come: forward passes here all at once."""
        where = self.points.plan.points[rows]
        if stage not in self.local and self.elsewhere is None:
            yield rows, self._forward(where)[:, [self.forward.columns.index(name) for name in names]]
            return
        if stage in self.local:
            evaluator = self.local[stage].only(names)
            chosen = [evaluator.columns.index(name) for name in names]
            found = None if self.elsewhere is None else partial(self.elsewhere.around, stage, evaluator)
            each: Iterable[np.ndarray] = evaluator.evaluate(where, found)
        else:
            chosen, each = [self.forward.columns.index(name) for name in names], self._forward_elsewhere(where)
        for place, row in zip(rows, each, strict=True):
            yield place[None], row[None, chosen]

    def _tiles(self, stage: str, rows: np.ndarray) -> Iterator[np.ndarray]:
        """Rows until the next look at the clock, or the next stop.

        Of forward passes as many as go at once, then as many as take about TILE_SECONDS: what a tile costs beside its points is
        then little, and the next stop is near. Of costly stages, and of what is measured elsewhere, all, unless there are stops:
        between them no worker is at work.
        """
        if stage in self.local or self.elsewhere is not None:
            several = self.local[stage].instruments.worker_count if stage in self.local else self.forward.way["points"]
            size = len(rows) if self._at_ease else 2 * several
            yield from (rows[start : start + size] for start in range(0, len(rows), size))
            return
        start, at_once = 0, self.forward.way["points"]
        size = at_once
        while start < len(rows):
            began = time.perf_counter()
            yield rows[start : start + size]
            start, took = start + size, time.perf_counter() - began
            if took < TILE_SECONDS / 2:
                size = min(2 * size, max(at_once, MOST_IN_TILE))
            elif took > 2 * TILE_SECONDS:
                size = max(at_once, size // 2)

    def _write(self, waiting: list[int], filled: str | None = None) -> None:
        """Write measured rows down; `filled` is the stage whose later columns they are."""
        later = self.points.info.later or {}
        if filled is not None:
            left = {**later[filled], "filled": later[filled]["filled"] + len(waiting)}
            self._say(later={**later, filled: left})
        if waiting and self.keeper is not None:
            self.keeper.write(self.points, slice(min(waiting), max(waiting) + 1))
            if self._count is not None:
                self._count()
                self._write_info()
            elif self.points.info.tolerance is not None or filled is not None:
                self._write_info()  # the picture between the points is made from what was learned
        waiting.clear()
        if self.progress is not None:
            self.progress(self.points.made, self.points.planned)

    def _write_info(self) -> None:
        if self.keeper is not None:
            self.keeper.write_info(self.points)

    def _sign(
        self, before: Sequence[Json], specification: Specification, started: float, made: int, running: bool = False
    ) -> None:
        """Add this run to those `before` it."""
        more = {} if self.elsewhere is None else self.elsewhere.signed()
        run = {**run_record(specification.where, started, made), **more, **({RUNNING: True} if running else {})}
        self._say(provenance=(*before, run))
