"""Squares of the outputs' gradients along given directions, example by example: one forward pass, a backward one for each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import vjp

from ..checks import UNFIT
from ..network.batch_dependence import drawing, draws_numbers
from ..network.workspace import Batch, Workspace
from .example_gradients import LOOPED, gradients_of
from .loss_function import twice_differentiable
from .vmap_in_groups import vmap_in_groups
from .vmap_trouble import vmap_trouble

Squares = dict[str, Tensor]


def squared_slopes(workspace: Workspace, point: Mapping[str, Tensor], batch: Batch, along: Tensor) -> Squares:
    """Σ_n Σ_k (∂(w_nk · z_n)/∂θ)² over the examples of a batch and the directions of their outputs, name → as the parameter.

    along  (n, k, rows, …) directions w of the rows of outputs z that each example has

    Examples are differentiated together by vmap, or one after another where that cannot follow the network, and by one pass
    over the batch where the network draws random numbers.
    """
    if draws_numbers(workspace.problem):
        return _summed(point, _of_one_pass(workspace, point, batch, along))
    loops = workspace.problem.differentiates or any(isinstance(m, nn.RNNBase) for m in workspace.model.modules())
    if not loops and LOOPED not in workspace.problem.trials:
        try:
            return _together(workspace, point, batch, along)
        except UNFIT as error:
            if isinstance(error, torch.OutOfMemoryError):
                raise
            why = vmap_trouble(error)
        found = _summed(point, _one_by_one(workspace, point, batch, along))
        workspace.problem.trials.setdefault(LOOPED, why)
        return found
    return _summed(point, _one_by_one(workspace, point, batch, along))


def _together(workspace: Workspace, point: Mapping[str, Tensor], batch: Batch, along: Tensor) -> Squares:
    def squares(args: tuple[Tensor, ...], kwargs: Mapping[str, Tensor], target: Tensor, directions: Tensor) -> Squares:
        def rows_at(parameters: Mapping[str, Tensor]) -> Tensor:
            return _rows(
                workspace, parameters, [t[None] for t in args], {k: t[None] for k, t in kwargs.items()}, target
            )

        pull = vjp(rows_at, dict(point))[1]
        return _summed(point, (pull(direction)[0] for direction in directions))

    with twice_differentiable(workspace.model):
        each_examples = vmap_in_groups(
            workspace.problem.trials, squares, batch.args, dict(batch.kwargs), batch.shaped_targets, along
        )
    return {name: each.sum(0) for name, each in each_examples.items()}


def _one_by_one(
    workspace: Workspace, point: Mapping[str, Tensor], batch: Batch, along: Tensor
) -> Iterator[Mapping[str, Tensor]]:
    for n, (target, directions) in enumerate(zip(batch.shaped_targets, along, strict=True)):
        leaves = _leaves(point)
        with torch.enable_grad(), twice_differentiable(workspace.model):
            named = {k: t[n : n + 1] for k, t in batch.kwargs.items()}
            rows = _rows(workspace, leaves, [t[n : n + 1] for t in batch.args], named, target)
            yield from _slopes(workspace, rows, leaves, directions)


def _of_one_pass(
    workspace: Workspace, point: Mapping[str, Tensor], batch: Batch, along: Tensor
) -> Iterator[Mapping[str, Tensor]]:
    leaves = _leaves(point)
    with (
        torch.enable_grad(),
        drawing(workspace.problem, batch, workspace.device),
        twice_differentiable(workspace.model),
    ):
        outputs = workspace.outputs_at(leaves, batch.args, batch.kwargs)
        rows, _ = workspace.problem.likelihood.flatten(outputs, batch.shaped_targets)
        for own, directions in zip(rows.unflatten(0, (len(along), -1)), along, strict=True):
            yield from _slopes(workspace, own, leaves, directions)


def _rows(workspace: Workspace, parameters: Mapping[str, Tensor], args: Any, kwargs: Any, target: Tensor) -> Tensor:
    outputs = workspace.outputs_at(parameters, tuple(args), kwargs)
    rows: Tensor = workspace.problem.likelihood.flatten(outputs, target[None])[0]
    return rows


def _slopes(workspace: Workspace, rows: Tensor, leaves: Squares, directions: Tensor) -> Iterator[Mapping[str, Tensor]]:
    for direction in directions:
        if bool(direction.any()):
            yield gradients_of(workspace, (rows * direction).sum(), leaves, again=True)


def _leaves(point: Mapping[str, Tensor]) -> Squares:
    return {name: value.detach().clone().requires_grad_(True) for name, value in point.items()}


def _summed(point: Mapping[str, Tensor], slopes: Iterable[Mapping[str, Tensor]]) -> Squares:
    total = {name: torch.zeros_like(value) for name, value in point.items()}
    for each in slopes:
        for name in total:  # one by one, so that little is there twice
            total[name] = total[name] + each[name].square()
    return total
