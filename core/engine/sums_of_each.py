"""Sums over the predictions of each of several points, all points' predictions taken as if they were of one batch."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ..network.forward import Forward, Measure
from ..network.workspace import Batch, Workspace


def sums_of_each(space: Workspace, measures: Sequence[Measure], outputs: Tensor, batch: Batch) -> Tensor | None:
    """(k, columns) float64 of outputs (k, examples, …); None where a measure, or the batch, has to be taken point by point."""
    count, rows = len(outputs), len(batch.targets)
    if batch.predicted is not None or batch.beside is not None or any(measure.each is None for measure in measures):
        return None
    repeated = batch.side_by_side(count)
    many = space.rows(outputs.flatten(0, 1), repeated)
    forward = Forward(space.problem, many, repeated.targets, repeated.law)
    numbers = torch.cat([measure.each(forward) for measure in measures if measure.each is not None])
    if numbers.shape[1] != count * rows:  # of a loss that gives one number for a batch
        return None
    return numbers.unflatten(1, (count, rows)).sum(-1, dtype=torch.float64).t()
