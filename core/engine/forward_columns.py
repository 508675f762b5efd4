"""Which columns the forward passes at a point give, in their order: sums, readouts of whole outputs, the second data set."""

from __future__ import annotations

from collections.abc import Sequence

from ..network.forward import SECOND, Measure, columns_of
from ..problem.problem import Problem

LOSS = "loss"  # the column that weight decay is part of
DRAW_ERROR = "loss_draw_error"  # the column of the loss's standard error over draws of random numbers


def forward_columns(problem: Problem, measures: Sequence[Measure]) -> tuple[str, ...]:
    """The columns that an `Evaluator` of `measures` gives, in its order."""
    summed, whole, second = parted(measures)
    error = (DRAW_ERROR,) if problem.draws > 1 else ()
    first = (*columns_of(summed), *error, *columns_of(whole))
    if not second:
        return first
    return (*first, *(f"{SECOND}{column}" for column in forward_columns(problem, [m.on_its_own for m in second])))


def parted(measures: Sequence[Measure]) -> tuple[list[Measure], list[Measure], list[Measure]]:
    """(summed over predictions, of whole outputs, of the second data set); the same columns asked for twice once."""
    distinct = {measure.columns: measure for measure in measures}.values()
    first = [measure for measure in distinct if not measure.second]
    return [m for m in first if not m.whole], [m for m in first if m.whole], [m for m in distinct if m.second]
