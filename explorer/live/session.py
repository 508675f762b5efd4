"""A problem kept ready in the worker: its evaluators, its pace, and what properties make of it once."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from lossnav.core import Plane, Problem, load_problem
from lossnav.core.engine import Evaluator
from lossnav.core.network import choose_device, cut_is_fixed
from lossnav.core.problem import problem_identity, with_less_second
from lossnav.core.properties import FORWARD, Owner, Wanted, wanted

FIRST_SECONDS = 0.2  # what the first picture may take
FIRST_POINTS = 81
FEWEST_PREDICTIONS = 200
WARM_SECONDS = 0.1  # a pass that takes as long needs no warming
WAITING = "What it needs of the trained network is being computed."


@dataclass
class Gauge:
    """An evaluator, with how many threads it is fastest, how many seconds a point took it of late, and on which plane it is."""

    evaluator: Evaluator
    examples: int
    threads: int
    recent: list[float] = field(default_factory=list)
    plane: Plane | None = None

    @property
    def pace(self) -> float:
        """Seconds for a point."""
        return float(np.median(self.recent))

    def turn_to(self, plane: Plane) -> None:
        """Measure on this plane from now on."""
        if self.plane is not plane:
            self.evaluator.turn_to(plane)
            self.plane = plane

    def measure(self, points: np.ndarray) -> np.ndarray:
        """The columns at `points` (m, 2)."""
        if torch.get_num_threads() != self.threads:
            torch.set_num_threads(self.threads)
        started = time.perf_counter()
        values = self.evaluator.evaluate(points)
        self.recent = [*self.recent[-8:], (time.perf_counter() - started) / max(len(points), 1)]
        return values


@dataclass(frozen=True)
class Turned:
    """A gauge that several planes share, on one of them: what a SurveyRun measures with."""

    gauge: Gauge
    plane: Plane

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of `evaluate`."""
        return self.gauge.evaluator.columns

    @property
    def way(self) -> dict[str, Any]:
        """How the network is run."""
        return self.gauge.evaluator.way

    def evaluate(self, points: np.ndarray) -> np.ndarray:
        """The columns at `points` (m, 2) of the plane."""
        self.gauge.turn_to(self.plane)
        return self.gauge.measure(points)


def _takes_time(owner: Owner, problem: Problem) -> bool:
    """Whether a property makes something of the network before its first number."""
    made = owner.preparation(problem, ())
    return made is not None and made.passing > 0


class LiveSession:
    """A problem ready to be measured on one plane after another.

    target  as in SurveyRequest; or the problem itself, where it is loaded already

    Attributes
    ----------
    problem   with what properties need of it at every point, once `prepare` has made that
    identity  what makes it the same landscape, as landscapes carry it
    full      measures all examples
    part      measures a seeded share of them, for first pictures; `full` itself where that is fast enough
    ready     whether there is nothing left to prepare
    """

    def __init__(self, target: str | Problem) -> None:
        self.problem: Problem = load_problem(target) if isinstance(target, str) else target
        self.device, self.threads = choose_device("auto"), torch.get_num_threads()
        self.asked: Wanted = wanted(self.problem, (FORWARD,))
        self.columns: tuple[str, ...] = ()
        self.full = self._gauge(self.problem, None)
        self.part = self._gauge_of_part()
        self.identity = problem_identity(self.problem)
        self._tuned = False
        self._waiting = [owner for owner in self.asked.owners if _takes_time(owner, self.problem)]

    @property
    def ready(self) -> bool:
        return self._tuned and not self._waiting

    def prepare(self) -> None:
        """Do one of the things that make later pictures faster or fuller."""
        if self._tuned:
            self.problem = self._waiting.pop(0).prepared(self.problem)
            return
        self.full.evaluator.tune(np.random.default_rng(0).uniform(-1, 1, (1000, 2)))
        self._warm(self.full)
        self.part = self._gauge_of_part()
        self._tuned = True

    def wanted(self) -> Wanted:
        """The columns that can be had now: some properties wait for their preparation."""
        waiting = (readout.variable for owner in self._waiting for readout in owner.readouts)
        return self.asked.less(dict.fromkeys(waiting, WAITING))

    def _gauge(self, problem: Problem, way: dict[str, object] | None) -> Gauge:
        plane = Plane.random(problem)
        evaluator = Evaluator(problem, plane, self.asked.measures(problem), self.device, way=way)
        gauge = Gauge(evaluator, problem.example_count, self.threads)
        self._warm(gauge)
        return gauge

    def _warm(self, gauge: Gauge) -> None:
        """Find how fast it is, alone and with all threads: on a small network or a busy machine they wait for one another."""
        paces = {}
        for gauge.threads in dict.fromkeys((self.threads, 1)):
            gauge.recent = []
            for _ in range(4):  # the first passes find memory and kernels
                gauge.measure(np.zeros((1, 2)))
                if min(gauge.recent) > WARM_SECONDS:
                    break
            paces[gauge.threads] = min(gauge.recent)
        gauge.threads = min(paces, key=lambda threads: paces[threads])
        gauge.recent = [paces[gauge.threads]]

    def _gauge_of_part(self) -> Gauge:
        count, pace = self.problem.example_count, self.full.pace
        wanted_share = FIRST_SECONDS / (FIRST_POINTS * pace)
        fewest = math.ceil(FEWEST_PREDICTIONS * count / self.problem.prediction_count)
        examples = max(int(wanted_share * count), min(max(fewest, 8), count))
        if examples >= 0.7 * count or cut_is_fixed(self.problem):  # a part of a batch is another loss
            return self.full
        rows = torch.randperm(count, generator=torch.Generator().manual_seed(0))[:examples].sort().values
        way = {**self.full.evaluator.way, "batch_size": examples}
        return self._gauge(with_less_second(self.problem.subset(rows), examples / count), way)
