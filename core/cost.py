"""What a survey will cost, told before it starts: seconds by what they go into, and memory at the peak.

The time is counted in what is repeated most — forward passes, blocks of Hessian products, gradients — each timed once or
a few times on this machine, on as many points at once as the survey itself will measure.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from .checks import UNFIT, known
from .engine.evaluator import Evaluator
from .engine.threads import one_thread_each
from .engine.workspace import choose_device
from .footprint import WITHOUT_EXAMPLES, Footprint, byte_text, footprint, gradient_rows, refuse_what_does_not_fit
from .local.estimation import Estimation, preset
from .local.instruments import Bench, Instruments
from .local.room import worker_count
from .plan import grid_plan
from .plane import Plane
from .problem import Problem
from .properties.protocol import STAGES
from .spectrum.example_gradients import example_gradients
from .spectrum.products import twice_differentiable
from .wanted import wanted

NAMES = {"forward": "forward", "gradient": "gradients", "curvature": "curvature", "descent": "descents"}
ENOUGH_SECONDS = 0.1  # of timing one thing
MOST_TIMES = 10
ONCE_SECONDS = 0.3  # what takes that long is timed once
PRODUCT_COST = 3.0  # gradients; of one Hessian product over the same examples, on the samples
AFFORDABLE_SECONDS = 0.5  # that a block of products may take to be timed; else it is counted in gradients
BAND_PASSES = 336  # forward passes of the fidelity's band of other seeds
SHARES_PASSES = 9 * 18  # forward passes that its 18 Hessian products and gradients take as long as
ESTIMATED = {"offdiagonal", "interlayer", "trace"}  # columns that take a further block of products
COMPARED = 2  # basins that a descent's end is compared with, on average
SEGMENT_LOSSES = 11


@dataclass(frozen=True)
class Cost:
    """What a survey will cost.

    seconds    by what they go into: "forward", "gradients", "curvature", "descents", "fidelity"
    footprint  the memory
    at_most    whether these are upper bounds, as an adaptive survey's are
    """

    seconds: dict[str, float]
    footprint: Footprint
    at_most: bool = False

    @property
    def total(self) -> float:
        """Seconds in all."""
        return sum(self.seconds.values())

    def __str__(self) -> str:
        """One sentence for people.

        >>> memory = Footprint(torch.device("cpu"), {"copy": 1_000_000_000}, {"activations": 200_000_000}, 0)
        >>> print(Cost({"forward": 8.0, "curvature": 125.0, "descents": 0.2}, memory))
        About 2 min (forward 8 s, curvature 2 min), 1.2 GB.
        """
        shown = {name: s for name, s in self.seconds.items() if s >= 0.02 * self.total}
        parts = f" ({', '.join(f'{name} {duration(s)}' for name, s in shown.items())})" if len(shown) > 1 else ""
        word = "At most" if self.at_most else "About"
        return f"{word} {duration(self.total)}{parts}, {byte_text(self.footprint.peak)}."


def duration(seconds: float) -> str:
    """A length of time for people.

    >>> [duration(s) for s in (0.3, 8.4, 47, 200, 5000, 100_000)]
    ['1 s', '8 s', '47 s', '3 min', '1.4 h', '28 h']
    """
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    if seconds < 5400 * 0.9:
        return f"{round(seconds / 60)} min"
    hours = seconds / 3600
    return f"{hours:.1f} h" if hours < 10 else f"{hours:.0f} h"


def estimate(
    problem: Problem,
    plane: Plane,
    shape: tuple[int, int] = (51, 51),
    overlays: Sequence[str] = (),
    device: str | torch.device = "auto",
    dtype: torch.dtype | str | None = None,
    seed: int = 0,
    tolerance: Any = None,
    *,
    batch_size: int | None = None,
    fidelity: bool = False,
    effort: str | Estimation = "standard",
    every: int = 1,
) -> Cost:
    """The cost of `survey` with the same arguments, from a calibration of a second or a few.

    Raises
    ------
    InputError  the survey does not fit into the memory that is free
    """
    where, estimation, number = choose_device(device), preset(effort), _number(dtype)
    memory = footprint(problem, plane, shape, overlays, where, number, batch_size, fidelity, estimation, every)
    refuse_what_does_not_fit(memory)
    asked = wanted(problem, overlays)
    evaluator = Evaluator(problem, plane, asked.measures(problem), where, number, batch_size)
    plan = grid_plan((shape[0], 1) if plane.is_line else shape, plane.span)
    forward = _timed(lambda: evaluator.evaluate(np.zeros((1, 2))))
    seconds = {"forward": forward * len(plan.cells)}
    columns = {s: {c for m in asked.local_measures(s) for c in m.columns} for s in STAGES[1:]}
    if any(columns.values()):
        shared = Instruments(problem, plane, estimation, seed, where, number)
        count = int(plan.every(every).sum())
        seconds |= {NAMES[s]: count * each for s, each in _seconds_each(shared, columns, count).items()}
    if fidelity:
        path = 0 if problem.trajectory is None else 2 * len(problem.trajectory)
        seconds["fidelity"] = forward * (SHARES_PASSES + path + BAND_PASSES * (plane.kind == "random"))
    return Cost(seconds, memory, tolerance is not None)


def _number(dtype: torch.dtype | str | None) -> torch.dtype | None:
    from .survey import DTYPES  # here, because surveys may ask for their cost themselves

    return DTYPES[known(dtype.removeprefix("torch."), DTYPES, "dtype")] if isinstance(dtype, str) else dtype


def _seconds_each(shared: Instruments, columns: dict[str, set[str]], points: int) -> dict[str, float]:
    """Seconds for each point of each stage in use, with as many points at once as there will be."""
    kind = shared.dtype or next(iter(shared.problem.parameters.values())).dtype
    workers = min(points, worker_count(shared.problem, shared.estimation, shared.device, kind))
    with one_thread_each(), twice_differentiable(shared.problem.model):
        benches = [shared.first_bench] + [Bench(shared) for _ in range(workers - 1)]
        units = _Units(benches)
        stages = {"gradient": units.gradients, "curvature": units.curvature, "descent": units.descent}
        return {stage: _unless_unfit(stages[stage], found) for stage, found in columns.items() if found}


def _unless_unfit(seconds: Callable[[set[str]], float], columns: set[str]) -> float:
    """Nothing for a stage that this network cannot take: the survey will say so, and go on without it."""
    try:
        return seconds(columns)
    except UNFIT:
        return 0.0


class _Units:
    """Timings of what the costly stages are made of, with all benches at work."""

    def __init__(self, benches: list[Bench]) -> None:
        self.benches, self.shared = benches, benches[0].instruments
        self.estimation = self.shared.estimation
        self.point = self.shared.origin
        for bench in benches:
            bench.place(self.point)

    def gradients(self, columns: set[str]) -> float:
        whole = self._each(lambda bench: bench.whole.loss_and_gradient(self.point))
        return whole * (1.5 if "sam" in columns else 1.0) + (self._single() if columns - WITHOUT_EXAMPLES else 0.0)

    def _single(self) -> float:
        """Gradients of single predictions and their inner products, from the first chunk of them."""
        rows, problem = gradient_rows(self.shared.problem, self.estimation), self.shared.single
        found = next(iter(example_gradients(self.benches[0].single)))
        chunk = len(found)
        products = self._each(lambda bench: found @ found.T) * (rows / chunk) ** 2
        differentiated = self._each(lambda bench: next(iter(example_gradients(bench.single))))
        return differentiated * problem.example_count / chunk + products

    def curvature(self, columns: set[str]) -> float:
        probes, size = self.estimation.probes, self.benches[0].matrix.size
        slope = self._each(lambda bench: bench.walked.loss_and_gradient(self.point))
        slope *= self.shared.part.example_count / self.shared.walked.example_count
        block = PRODUCT_COST * probes * slope
        if block * len(self.benches) < AFFORDABLE_SECONDS:
            block = self._each(lambda bench: bench.matrix.products(self.shared.probes))
        blocks = self.estimation.steps + bool(columns & ESTIMATED) + ("interlayer" in columns)
        return 2 * slope + block * (size / probes if size <= probes * self.estimation.steps else blocks)

    def descent(self, columns: set[str]) -> float:
        steps = self.estimation.descent_steps
        slope = self._each(lambda bench: bench.walked.loss_and_gradient(self.point))
        seconds = slope * steps * (("recovery" in columns) + ("basin" in columns))
        if "basin" in columns:  # compared with those known one after another, while the workers go on
            first = self.benches[:1]
            seconds += COMPARED * SEGMENT_LOSSES * self._each(lambda bench: bench.walked.loss(self.point), first)
        if "keskar" in columns:
            seconds += 10 * self._each(lambda bench: bench.whole.loss_and_gradient(self.point))
        return seconds

    def _each(self, work: Callable[[Bench], object], benches: list[Bench] | None = None) -> float:
        """Seconds per piece of work, with all benches at it."""
        used = benches or self.benches
        if len(used) == 1:
            return _timed(lambda: work(used[0]))
        with ThreadPoolExecutor(len(used), initializer=torch.set_num_threads, initargs=(1,)) as pool:
            return _timed(lambda: list(pool.map(work, used))) / len(used)


def _timed(work: Callable[[], object]) -> float:
    """Seconds that `work` takes once warm, as a median."""
    found: list[float] = []
    while len(found) < 2 or (sum(found[1:]) < ENOUGH_SECONDS and len(found) < MOST_TIMES):
        started = time.perf_counter()
        work()
        found.append(time.perf_counter() - started)
        if found[0] > ONCE_SECONDS:
            return found[0]
    return float(np.median(found[1:]))
