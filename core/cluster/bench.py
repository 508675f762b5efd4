"""A worker's side: the problem is made once in a process, and one tile after another is measured on it."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping

import torch

from ..engine.evaluator import Evaluator
from ..lazy import lazy
from ..local.evaluator import LocalEvaluator
from ..properties.protocol import STAGES
from ..survey.footprint import footprint, refuse_what_does_not_fit
from .identity import identity, kind_of_machine, refuse_another
from .recipe import Recipe
from .tile import Answer, Tile

_one_at_a_time = threading.Lock()  # a Dask worker may run several tasks at once; threads of torch are for one
_kept: list[Bench] = []  # the last one: a survey's tiles come one after another


class Bench:
    """Measures a survey's tiles in this process.

    Raises
    ------
    InputError  what the recipe makes here is not what was asked for, or does not fit into memory
    """

    def __init__(self, recipe: Recipe, asked: Mapping[str, str], threads: int) -> None:
        self.key = (recipe, dict(asked), threads)
        self.specification = recipe.specification()
        refuse_another(identity(self.specification), asked)
        refuse_what_does_not_fit(footprint(self.specification))
        self._adopted: tuple[object, object] | None = None

    def measured(self, tile: Tile) -> Answer:
        """The answer to a tile."""
        return self._forward(tile) if tile.stage == STAGES[0] else self._around(tile)

    @lazy
    def evaluator(self) -> Evaluator:
        """The evaluator of forward passes."""
        return self.specification.evaluator()

    @lazy
    def local(self) -> dict[str, LocalEvaluator]:
        """Stage → evaluator of what is measured around points."""
        spec, instruments = self.specification, self.specification.instruments()
        return {stage: LocalEvaluator(instruments, measures) for stage, measures in spec.local_measures.items()}

    @property
    def machine(self) -> str:
        """The kind of machine that this is."""
        return kind_of_machine(self.specification.where)

    def _forward(self, tile: Tile) -> Answer:
        evaluator, chosen = self.evaluator, (tile.precision, dict(tile.way))
        evaluator.fallbacks.clear()
        if self._adopted != chosen:
            evaluator.settle(tile.precision)
            evaluator.pin(tile.way)
        started = time.perf_counter()
        columns = evaluator.evaluate(tile.points)
        seconds = time.perf_counter() - started
        self._adopted = (tile.precision, evaluator.way)
        failures = dict(evaluator.failures)
        return Answer(columns, seconds, self.machine, evaluator.way, tuple(evaluator.fallbacks), failures=failures)

    def _around(self, tile: Tile) -> Answer:
        evaluator = LocalEvaluator(
            self.local[tile.stage].instruments, self.local[tile.stage].only(tile.columns).measures
        )
        evaluator.learn(tile.experience)
        started = time.perf_counter()
        values = evaluator.unsettled(tile.points.tolist())
        seconds, fallbacks = time.perf_counter() - started, tuple(evaluator.instruments.fallbacks)
        return Answer(values, seconds, self.machine, fallbacks=fallbacks, experience=evaluator.experience)


def measured(tile: Tile) -> Answer:
    """The answer to a tile, in this process; Dask calls it by its name."""
    with _one_at_a_time:
        torch.set_num_threads(tile.threads)  # for this thread too, which may be another than the last tile's
        key = (tile.recipe, dict(tile.identity), tile.threads)
        if not _kept or _kept[0].key != key:
            _kept.clear()
            _kept.append(Bench(*key))
        return _kept[0].measured(tile)
