"""A survey's cost, forecast before it starts: seconds by what they go into, and memory at the peak.

The time is counted in what is repeated most — forward passes, blocks of Hessian products, gradients — each timed once or
a few times on this machine, on as many points at once as the survey itself will measure.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch

from ..checks import UNFIT
from ..curvature.example_gradients import example_gradients
from ..curvature.loss_function import twice_differentiable
from ..engine.evaluator import Evaluator
from ..engine.precision_choice import PrecisionChoice
from ..local.context import Instruments, LocalWorker
from ..local.estimation import Estimation
from ..local.measure import LocalMeasure, Work
from ..local.neighbourhood import Neighbourhood
from ..local.samples import example_flops, sample_sizes
from ..machine.threads import one_thread_each
from ..problem.problem import Problem
from ..properties.protocol import STAGES
from .affordable import affordable_points
from .expected_points import expected_points, points_at_most
from .footprint import (
    Footprint,
    byte_text,
    footprint,
    gradient_rows,
    refuse_what_does_not_fit,
    stage_measures,
)
from .further_samples import sizes
from .grid import GridPlan, sparing
from .specification import Specification

NAMES = {"forward": "forward", "gradient": "gradients", "curvature": "curvature", "descent": "descents"}
ENOUGH_SECONDS = 0.3  # of timing one thing
MOST_TIMES = 40
ONCE_SECONDS = 0.3  # what takes that long is timed once
BAND_PASSES = 336  # forward passes of the fidelity's band of other seeds
SHARES_PASSES = 9 * 18  # forward passes that its 18 Hessian products and gradients take as long as
CHOICE_SECONDS = (
    0.1  # of choosing where to measure, for each readout of an adaptive survey (1.4 to 3.5 s for all of them)
)


@dataclass(frozen=True)
class Cost:
    """A survey's cost.

    seconds    by what they go into: "forward", "gradients", "curvature", "descents", "fidelity", "choice" (of an adaptive
               survey's points)
    footprint  the memory
    most       seconds in all if an adaptive survey measures every point, as it does on a rough terrain; None: `seconds` are
               those of every point
    precision  what will become of a lower precision that was asked for; None: none was
    """

    seconds: dict[str, float]
    footprint: Footprint
    most: float | None = None
    precision: PrecisionChoice | None = None

    @property
    def total(self) -> float:
        """Seconds in all."""
        return sum(self.seconds.values())

    @property
    def longest(self) -> float:
        """Seconds in all at the worst."""
        return self.total if self.most is None else self.most

    def __str__(self) -> str:
        """One sentence for people.

        >>> memory = Footprint(torch.device("cpu"), {"copy": 1_000_000_000}, {"activations": 200_000_000}, 0)
        >>> print(Cost({"forward": 8.0, "curvature": 125.0, "descents": 0.2}, memory))
        About 2 min (forward 8 s, curvature 2 min), 1.2 GB.
        >>> print(Cost({"forward": 8.0}, memory, most=500.0))
        About 8 s, at most 8 min, 1.2 GB.
        """
        shown = {name: s for name, s in self.seconds.items() if s >= 0.02 * self.total}
        parts = f" ({', '.join(f'{name} {duration(s)}' for name, s in shown.items())})" if len(shown) > 1 else ""
        bound = "" if self.most is None else f", at most {duration(self.most)}"
        return f"About {duration(self.total)}{parts}{bound}, {byte_text(self.footprint.peak)}."


def duration(seconds: float) -> str:
    """A length of time for people.

    >>> [duration(s) for s in (0.3, 8.4, 47, 200, 5000, 100_000)]
    ['1 s', '8 s', '47 s', '3 min', '1.4 h', '28 h']
    """
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    if seconds < 5000:
        return f"{round(seconds / 60)} min"
    hours = seconds / 3600
    return f"{hours:.1f} h" if hours < 10 else f"{hours:.0f} h"


def estimate(specification: Specification) -> Cost:
    """The cost of a survey, from a calibration of a second or a few.

    How many points an adaptive survey takes depends on the terrain: `expected_points` is the usual number.

    Raises
    ------
    InputError  the survey does not fit into the memory that is free
    """
    spec, problem, asked, plan = specification, specification.problem, specification.asked, specification.plan
    memory = footprint(spec)
    refuse_what_does_not_fit(memory)
    given = (spec.where, spec.converted, spec.batch_size, spec.precision)
    evaluator = Evaluator(problem, spec.plane, asked.measures(problem), *given, insist=spec.insist)
    measures = stage_measures(asked)
    all_points = {stage: int(plan.every(1 if stage == STAGES[0] else spec.every).sum()) for stage in STAGES}
    allowed = spec.allowed
    points = all_points
    if allowed is not None:
        bound = affordable_points(problem, spec.estimation, {stage: each for stage, each in measures.items() if each})
        all_points = {stage: points_at_most(_candidates(plan, spec, stage), bound.get(stage)) for stage in STAGES}
        points = {
            stage: min(most, expected_points(stage, _candidates(plan, spec, stage), allowed, bool(asked.variables)))
            for stage, most in all_points.items()
        }
    evaluator.tune(plan.points, points[STAGES[0]])  # as the survey will, which finds the choice made
    forward = _timed(lambda: evaluator.evaluate(np.zeros((1, 2))))
    each = {STAGES[0]: forward}
    shared = Instruments(problem, spec.plane, spec.estimation, spec.seed, spec.where, spec.converted)
    if any(measures.values()):
        each |= _seconds_each(shared, measures, min(points[stage] for stage in measures if measures[stage]))
    seconds = {NAMES[stage]: points[stage] * each[stage] for stage in each}
    extra = {}
    if spec.fidelity:
        path = 0 if problem.trajectory is None else 2 * len(problem.trajectory)
        extra["fidelity"] = forward * (SHARES_PASSES + path + BAND_PASSES * (spec.plane.kind == "random"))
        samples, size, larger = sizes(spec)
        if samples:
            extra["fidelity"] += (samples + larger / size) * each["curvature"] * shared.worker_count
    if allowed is None:
        return Cost(seconds | extra, memory, precision=evaluator.choice)
    extra["choice"] = CHOICE_SECONDS * (1 + len(asked.variables))
    most = sum(all_points[stage] * each[stage] for stage in each) + sum(extra.values())
    return Cost(seconds | extra, memory, most, evaluator.choice)


def _candidates(plan: GridPlan, specification: Specification, stage: str) -> list[int]:
    """Rows and columns of the points that may be measured at a stage."""
    cells = plan.cells[plan.every(1 if stage == STAGES[0] else specification.every)]
    return [len(np.unique(axis)) for axis in cells.T]


def _seconds_each(shared: Instruments, measures: dict[str, list[LocalMeasure]], points: int) -> dict[str, float]:
    """Seconds for each point of each stage in use, with as many points at once as there will be."""
    workers = min(points, shared.worker_count)
    with one_thread_each(), twice_differentiable(shared.problem.model):
        benches = [shared.first_bench, *shared.benches(workers - 1)]
        units = _Units(benches)
        stages = {"gradient": units.gradients, "curvature": units.curvature, "descent": units.descent}
        return {
            stage: _unless_unfit(stages[stage], [m.work for m in found]) for stage, found in measures.items() if found
        }


def _unless_unfit(seconds: Callable[[list[Work]], float], works: list[Work]) -> float:
    """Nothing for a stage that this network cannot take: the survey will say so, and go on without it."""
    try:
        return seconds(works)
    except UNFIT:
        return 0.0


class _Units:
    """Timings of what the costly stages are made of, with all benches at work."""

    def __init__(self, benches: list[LocalWorker]) -> None:
        self.benches, self.shared = benches, benches[0].instruments
        self.estimation = self.shared.estimation
        self.point = self.shared.origin
        for bench in benches:
            bench.place(self.point)

    def gradients(self, works: list[Work]) -> float:
        whole = self._each(lambda bench: bench.whole.loss_and_gradient(self.point))
        seconds = whole * (1.0 + _passes(works)) + (self._single() if any(work.examples for work in works) else 0.0)
        return seconds + (self._fisher() if any(work.fisher for work in works) else 0.0)

    def _fisher(self) -> float:
        """Rows of the Fisher of single predictions and their inner products, timed once: its signs are the same everywhere."""

        def work(bench: LocalWorker) -> None:
            here = Neighbourhood(bench, self.point)
            assert len(here.fisher.matrix)

        return self._each(work, once=True)

    def _single(self) -> float:
        """Gradients of single predictions and their inner products, from the first chunk of them."""
        rows, problem = gradient_rows(self.shared.problem, self.estimation), self.shared.single
        gradients = next(iter(example_gradients(self.benches[0].single)))
        chunk = len(gradients)
        pairs = (rows / chunk) * (rows / chunk + 1) / 2
        products = self._each(lambda bench: gradients @ gradients.T) * pairs
        differentiated = self._each(lambda bench: next(iter(example_gradients(bench.single))))
        return differentiated * problem.example_count / chunk + products

    def curvature(self, works: list[Work]) -> float:
        probes, size = self.estimation.probes, self.benches[0].matrix.size
        slope = self._each(lambda bench: bench.walked.loss_and_gradient(self.point))
        slope *= self.shared.part.example_count / self.shared.walked.example_count
        # the first block at a point also linearises the network there
        first, further = (
            self._each(lambda bench: bench.matrix.products(self.shared.probes), once) for once in (True, False)
        )
        blocks: float = self.estimation.steps + len({name for work in works for name in work.blocks})
        if size <= probes * self.estimation.steps:  # the whole matrix
            blocks = size / probes
        return 2 * slope + first + (blocks - 1) * further

    def descent(self, works: list[Work]) -> float:
        walks, losses, passes = sum(w.descents for w in works), sum(w.losses for w in works), _passes(works)
        seconds = 0.0
        if walks:
            slope = self._each(lambda bench: bench.walked.loss_and_gradient(self.point))
            seconds += slope * self.estimation.descent_steps * walks
        if losses:  # one after another, while the workers go on
            seconds += losses * self._each(lambda bench: bench.walked.loss(self.point), benches=self.benches[:1])
        if passes:
            seconds += passes * self._each(lambda bench: bench.whole.loss_and_gradient(self.point))
        return seconds

    def _each(
        self, work: Callable[[LocalWorker], object], once: bool = False, benches: list[LocalWorker] | None = None
    ) -> float:
        """Seconds per piece of work, with all benches at it."""
        used = benches or self.benches
        if len(used) == 1:
            return _timed(lambda: work(used[0]), once)
        with ThreadPoolExecutor(len(used), initializer=torch.set_num_threads, initargs=(1,)) as pool:
            return _timed(lambda: list(pool.map(work, used)), once) / len(used)


def _passes(works: list[Work]) -> float:
    return sum(work.passes for work in works)


def _timed(work: Callable[[], object], once: bool = False) -> float:
    """Seconds that `work` takes: the first time, or once warm, as a median."""
    seconds: list[float] = []
    while len(seconds) < 2 or (sum(seconds[1:]) < ENOUGH_SECONDS and len(seconds) < MOST_TIMES):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
        if once or seconds[0] > ONCE_SECONDS:
            return seconds[0]
    return float(np.median(seconds[1:]))


CHEAP_FLOPS = 5e7  # of a forward pass over the sampled examples


def affordable_stride(problem: Problem, shape: tuple[int, int], estimation: Estimation) -> int:
    """The `every` of a survey that takes minutes: 17 rows where a pass over the sampled examples is cheap, else 9."""
    used = sample_sizes(problem, estimation)[0] or problem.example_count
    cheap = used * example_flops(problem) <= CHEAP_FLOPS
    return sparing(shape, 17 if cheap else 9)
