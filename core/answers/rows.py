"""The network's outputs on chosen examples at one point of parameter space."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..network.batch_dependence import drawing
from ..network.workspace import Batch, Workspace


@dataclass(frozen=True)
class Said:
    """Output, target and loss of one example.

    rows     (r, …) outputs, one row for each place that may be predicted; None where they are no one tensor
    targets  (r, …)
    loss     mean loss of what is predicted; NaN where nothing is
    """

    rows: Tensor | None
    targets: Tensor
    loss: float


def outputs_at(space: Workspace, point: Tensor, batch: Batch, args: tuple[Tensor, ...], kwargs: dict[str, Any]) -> Any:
    """Outputs at a flat point on these inputs, one row for each place that may be predicted, (b · r, …)."""
    with torch.set_grad_enabled(space.problem.differentiates), drawing(space.problem, batch, space.device):
        outputs = space.outputs_at(space.layout.views(point), args, kwargs)
    targets = batch.shaped_targets
    size = len(args[0]) if args else len(next(iter(kwargs.values())))
    if size != len(targets):  # only their shape counts here
        targets = targets[:1].expand(size, *targets.shape[1:])
    return space.problem.likelihood.flatten(outputs, targets)[0]


def said_at(space: Workspace, point: Tensor, rows: Sequence[int]) -> list[Said]:
    """Outputs, targets and losses of the examples `rows` at a flat point; only batches that hold one of them are run."""
    by_row: dict[int, Said] = {}
    for index in range(-(-space.problem.example_count // space.batch_size)):
        start = index * space.batch_size
        here = [row for row in rows if start <= row < start + space.batch_size]
        if here:
            by_row |= _in_batch(space, point, space.batches[index], start, here)
    return [by_row[row] for row in rows]


def _in_batch(space: Workspace, point: Tensor, batch: Batch, start: int, rows: Sequence[int]) -> dict[int, Said]:
    likelihood, size = space.problem.likelihood, len(batch.shaped_targets)
    outputs = outputs_at(space, point, batch, batch.args, batch.kwargs)
    targets = likelihood.target_rows(batch.shaped_targets)
    losses = likelihood.losses(outputs, targets).detach()
    predicted = likelihood.predicted(targets)
    is_rows = likelihood.sees == "tensor" and isinstance(outputs, Tensor) and len(outputs) == len(targets)
    by_row = {}
    for row in rows:
        of_losses, of_targets = (_part(tensor, row - start, size) for tensor in (losses, targets))
        kept = of_losses if predicted is None else of_losses[_part(predicted, row - start, size)]
        loss = float(kept.double().mean()) if len(kept) else float("nan")
        by_row[row] = Said(_part(outputs.detach(), row - start, size) if is_rows else None, of_targets, loss)
    return by_row


def _part(rows: Tensor, place: int, size: int) -> Tensor:
    each = len(rows) // size
    return rows[place * each : (place + 1) * each]
