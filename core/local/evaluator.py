"""Measures the neighbourhoods of many points: several at once on a CPU, each on one thread.

The small tensors of curvature leave most of a thread team idle, so points side by side are faster than threads side by
side (benchmarks/NOTES.md), and no number depends on how many threads there are.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from functools import partial
from queue import SimpleQueue
from typing import Any

import numpy as np
import torch

from ..checks import UNFIT, first_line
from ..curvature.loss_function import twice_differentiable
from ..machine.threads import one_thread_each
from .context import Instruments, LocalWorker
from .measure import LocalMeasure
from .neighbourhood import Neighbourhood

Elsewhere = Callable[[list[list[float]]], Generator[list[Any]]]
Experience = tuple[dict[str, str], list[tuple[str, ...]]]


class Unmeasurable(RuntimeError):
    """Nothing of a stage can be measured on this network; the message says why."""


class LocalEvaluator:
    """The columns of local measures at points of a plane.

    Parameters
    ----------
    instruments  what to measure with
    measures     what to measure; the same columns asked for twice are measured once

    Attributes
    ----------
    columns      the names of what `evaluate` gives, in its order
    failed       column → why it could not be measured, where the network broke at it; NaN stands there, and the other
                 columns are not lost for it
    """

    def __init__(self, instruments: Instruments, measures: Sequence[LocalMeasure]) -> None:
        self.instruments = instruments
        self.measures = list({measure.columns: measure for measure in measures}.values())
        self.columns = tuple(column for measure in self.measures for column in measure.columns)
        self.failed: dict[str, str] = {}
        self._worked: set[tuple[str, ...]] = set()

    @property
    def hopeless(self) -> dict[tuple[str, ...], str]:
        """The columns of measures that never worked, and why."""
        found = {m.columns: self.failed.get(m.columns[0]) for m in self.measures if m.columns not in self._worked}
        return {columns: why for columns, why in found.items() if why is not None}

    def only(self, columns: Collection[str]) -> LocalEvaluator:
        """The same for the measures that give some of `columns`."""
        found = LocalEvaluator(self.instruments, [m for m in self.measures if set(m.columns) & set(columns)])
        found.failed, found._worked = self.failed, self._worked
        return found

    def recall(self, points: np.ndarray, values: np.ndarray) -> None:
        """Tell the measures what is known already: `values` (m, columns) at `points` (m, 2), NaN where nothing is."""
        for measure in self.measures:
            if measure.recall is not None:
                measure.recall(self.instruments, points, values[:, [self.columns.index(c) for c in measure.columns]])

    @property
    def steps(self) -> dict[str, float | None]:
        """The step sizes of the descents by column, ready for JSON; None where there is no such number."""
        walked = {m.columns[0]: self._step(m) for m in self.measures if m.step is not None}
        return {column: step if np.isfinite(step) else None for column, step in walked.items()}

    def evaluate(self, points: np.ndarray, elsewhere: Elsewhere | None = None) -> Iterator[np.ndarray]:
        """One row of columns (columns,) float64 for each of `points` (m, 2), in their order, as they are ready.

        elsewhere  gives in their order what the measures find at places (α, β), as `unsettled` does in another process

        Raises
        ------
        Unmeasurable  the network breaks at every one of the measures
        """
        if not self.measures:
            yield from np.empty((len(points), 0))
            return
        self._prepare()
        places = points.tolist()
        try:
            # no worker is left when the benches are cleared
            with closing(self._unsettled(places) if elsewhere is None else elsewhere(places)) as measured:
                for place, found in zip(places, measured, strict=True):
                    row = [self._settled(m, place, values) for m, values in zip(self.measures, found, strict=True)]
                    self._stop_where_nothing_works()
                    yield np.concatenate(row)
        finally:
            self.instruments.clear()

    def unsettled(self, places: list[list[float]]) -> list[list[Any]]:
        """Values of each measure at places (α, β), not settled yet: for another process, which settles it in the plan's order."""
        self._prepare()
        try:
            return list(self._unsettled(places))
        finally:
            self.instruments.clear()

    @property
    def experience(self) -> Experience:
        """State of the measures: columns that failed and why, and the columns of the measures that worked."""
        return dict(self.failed), sorted(self._worked)

    def learn(self, experience: Experience) -> None:
        """Take over what is known of the measures elsewhere."""
        failed, worked = experience
        for column, why in failed.items():
            self.failed.setdefault(column, why)
        self._worked.update(worked)

    @property
    def is_experienced(self) -> bool:
        """Whether each measure has worked or failed, so that it no longer matters which point comes next."""
        return all(m.columns in self._worked or m.columns[0] in self.failed for m in self.measures)

    def _prepare(self) -> None:
        with one_thread_each():
            self.instruments.prepare()
            for measure in self.measures:
                self._prepared(measure)

    def _unsettled(self, places: list[list[float]]) -> Generator[list[Any]]:
        workers = min(len(places), self.instruments.worker_count)
        if workers <= 1:
            yield from (self._measured(self.instruments.first_bench, place) for place in places)
            return
        benches: SimpleQueue[LocalWorker] = SimpleQueue()
        for bench in self.instruments.benches(workers):
            benches.put(bench)

        def work(place: list[float]) -> list[Any]:
            bench = benches.get()
            try:
                return self._measured(bench, place)
            finally:
                benches.put(bench)

        with one_thread_each(), twice_differentiable(self.instruments.problem.model):
            pool = ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,))
            try:
                yield from _in_order(pool, work, places, 4 * workers)
            finally:
                pool.shutdown(wait=True, cancel_futures=True)

    def _measured(self, bench: LocalWorker, place: list[float]) -> list[Any]:
        here = Neighbourhood(bench, self.instruments.theta(*place))
        return [self._guarded(measure, partial(measure.values_or_nothing, here)) for measure in self.measures]

    def _settled(self, measure: LocalMeasure, place: list[float], measured: Any) -> np.ndarray:
        numbers = measured
        if measure.settle is not None:
            numbers = self._guarded(measure, partial(measure.settle, self.instruments, place, measured))
        return np.array(numbers if numbers is not None else [math.nan] * len(measure.columns), dtype=float)

    def _step(self, measure: LocalMeasure) -> float:
        assert measure.step is not None
        try:
            return measure.step(self.instruments)
        except UNFIT:  # the descent itself has said why
            return math.nan

    def _prepared(self, measure: LocalMeasure) -> None:
        try:
            measure.prepare(self.instruments)
        except UNFIT as error:
            self.failed |= dict.fromkeys(measure.columns, first_line(error))

    def _stop_where_nothing_works(self) -> None:
        if not self._worked and all(measure.columns[0] in self.failed for measure in self.measures):
            raise Unmeasurable(next(iter(self.failed.values())))

    def _guarded(self, measure: LocalMeasure, work: Callable[[], Any]) -> Any:
        """The result of `work`, or nothing where the network breaks at it: at once, and not tried again, where it never worked."""
        if measure.columns in self.hopeless:
            return measure.nothing
        try:
            result = work()
        except UNFIT as error:
            for column in measure.columns:
                self.failed.setdefault(column, first_line(error))
            return measure.nothing
        if result is not None:
            self._worked.add(measure.columns)
        return result


def _in_order(pool: ThreadPoolExecutor, work: Any, places: list[list[float]], ahead: int) -> Iterator[list[Any]]:
    """Results in the order of `places`, with no more than `ahead` of them waiting: ends of descents are large."""
    waiting: deque[Future[list[Any]]] = deque()
    for place in places:
        if len(waiting) == ahead:
            yield waiting.popleft().result()
        waiting.append(pool.submit(work, place))
    while waiting:
        yield waiting.popleft().result()
