"""The client's side: points go out in tiles of about a second, and come back in their order, whoever measured them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ..engine.evaluator import Evaluator
from ..local.evaluator import LocalEvaluator
from ..properties.protocol import STAGES
from ..survey.specification import Specification
from .bench import measured
from .identity import identity, kind_of_machine
from .pool import AHEAD, Pool
from .recipe import Recipe
from .tile import Answer, Tile

if TYPE_CHECKING:
    from distributed import Client, Future

TILE_SECONDS = 1.0  # what a killed worker loses, and many times what a tile costs on the way
SHARES = 100  # workers; the more there are beyond, the longer their tiles, so that the client has the same to do (docs/scaling.md)


class Workers:
    """Dask's workers, which measure a survey's points in place of this process; an `Elsewhere` of a SurveyRun.

    client         connected to a scheduler
    recipe         what makes the specification, there as it did here
    specification  the survey

    Numbers are those of one process with as many threads on the same kind of machine, bit for bit.

    Raises
    ------
    InputError  nobody is left to measure, or one refuses to, as what it would measure is something else
    """

    def __init__(self, client: Client, recipe: Recipe, specification: Specification) -> None:
        self._pool, self._recipe, self._specification = Pool(client), recipe, specification
        self._identity, self._threads = identity(specification), torch.get_num_threads()
        self._cost: dict[str, float] = {}  # stage → seconds for a point, as the last tile took
        self.machines: set[str] = set()

    def __str__(self) -> str:
        """For people: how many, and how they compute."""
        each = "1 thread" if self._threads == 1 else f"{self._threads} threads"
        return f"{self.count} {'worker' if self.count == 1 else 'workers'} of {each} each"

    def forward(self, evaluator: Evaluator, points: np.ndarray) -> Iterator[np.ndarray]:
        """A row of the evaluator's columns for each of `points` (m, 2), run the way that it is."""

        def tile(part: np.ndarray) -> Tile:
            return self._tile(STAGES[0], part, way=evaluator.way, precision=evaluator.precision)

        for answer in self._answers(points, STAGES[0], tile, evaluator.way["points"], lambda: True):
            if answer.fallbacks:  # it is run like that everywhere from now on, as in one process
                evaluator.fallbacks.extend(answer.fallbacks)
                evaluator.pin(answer.way)
            evaluator.failures.update(answer.failures)
            yield from answer.values

    def around(self, stage: str, evaluator: LocalEvaluator, places: list[list[float]]) -> Generator[list[Any]]:
        """Values of each of the evaluator's measures at places (α, β)."""

        def tile(part: np.ndarray) -> Tile:
            return self._tile(stage, part, columns=evaluator.columns, experience=evaluator.experience)

        # which measures are given up is decided by the first points, as in one process
        certain, several = lambda: evaluator.is_experienced, self._threads
        for answer in self._answers(np.array(places).reshape(-1, 2), stage, tile, several, certain):
            evaluator.learn(answer.experience)
            yield from answer.values

    def signed(self) -> dict[str, Any]:
        """Who measured, ready for JSON."""
        return {"workers": self._pool.met, "worker_machines": sorted(self.machines)}

    @property
    def warning(self) -> str:
        """A sentence where the workers are on other kinds of machines than this process; "" where they are not."""
        client = kind_of_machine(self._specification.where)
        if self.machines <= {client}:
            return ""
        return (
            f"Workers ran on {', '.join(sorted(self.machines))} and the client on {client}: numbers of different kinds of machines "
            "agree to rounding, not to the last bit."
        )

    def _tile(self, stage: str, points: np.ndarray, **more: Any) -> Tile:
        return Tile(self._recipe, self._identity, self._threads, stage, points, **more)

    def _answers(
        self,
        points: np.ndarray,
        stage: str,
        tile: Callable[[np.ndarray], Tile],
        several: int,
        certain: Callable[[], bool],
    ) -> Iterator[Answer]:
        """Answers in the order of `points`; one point after another until `certain`."""
        waiting: deque[Future] = deque()
        start = 0
        try:
            while start < len(points) or waiting:
                while start < len(points) and len(waiting) < (AHEAD * self.count if certain() else 1):
                    size = self._size(stage, len(points) - start, several) if certain() else 1
                    waiting.append(self._pool.submit(measured, tile(points[start : start + size])))
                    start += size
                answer: Answer = self._pool.answer(waiting.popleft())
                self._cost[stage] = answer.seconds / len(answer.values)
                self.machines.add(answer.machine)
                yield answer
        finally:
            self._pool.cancel(waiting)

    def _size(self, stage: str, left: int, several: int) -> int:
        """Points in the next tile: about a second's, as many as go at once, and so few that everybody has some to the end."""
        if stage not in self._cost:
            return several
        wanted = min(tile_seconds(self.count) / max(self._cost[stage], 1e-9), left / (AHEAD * self.count))
        return several * max(1, int(wanted / several))

    @property
    def count(self) -> int:
        """Workers that were there at the last look, at least one."""
        return self._pool.count


def tile_seconds(workers: int) -> float:
    """Seconds that a tile should take.

    >>> tile_seconds(2), tile_seconds(1000)
    (1.0, 10.0)
    """
    return TILE_SECONDS * max(1.0, workers / SHARES)
