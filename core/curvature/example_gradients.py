"""Gradients of single examples, exact, in chunks of bounded memory: one vmap over the examples of a chunk."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import grad

from ..checks import UNFIT, InputError
from ..network.batch_dependence import WHY_NONE_ALONE, drawing, draws_numbers
from ..network.batching import none_alone
from ..network.weight_dependence import weight_dependence
from ..network.workspace import Batch, Workspace
from ..parameters.layout import as_real
from ..problem.likelihoods.protocol import Likelihood
from .loss_function import NO_SLOPE, LossFunction, twice_differentiable
from .vmap_in_groups import vmap_in_groups
from .vmap_trouble import vmap_trouble

CHUNK_NUMBERS = 16_000_000  # per-example gradients held at once, in numbers
MOST_ROWS = 256
LOOPED = "single examples one by one"  # the finding that vmap cannot follow, and why


def chunk_rows(parameter_count: int) -> int:
    """Examples whose gradients are held at once: 256, or as many as fit into CHUNK_NUMBERS numbers.

    >>> chunk_rows(1_000), chunk_rows(1_000_000), chunk_rows(10**9)
    (256, 16, 1)
    """
    return max(1, min(MOST_ROWS, CHUNK_NUMBERS // parameter_count))


def example_gradients(function: LossFunction, rows: int | None = None) -> Iterator[Tensor]:
    """∇ of each example's own mean loss over its predictions, at `function.point`, in the order of the data.

    Parameters
    ----------
    function  the problem's loss at a point
    rows      examples per chunk; None: `chunk_rows`

    Yields
    ------
    (m, P padded)  one row per example, in the layout of `function.point`; zero for an example that predicts nothing

    An example of a classifier is one prediction, and the mean of its rows is ḡ. A sequence's row is the mean over its
    predicted tokens. Where the network draws random numbers, an example's row is a mean over the draws.

    Raises
    ------
    InputError  examples that depend on the others of their batch have no such rows

    >>> from ..problem.problem import Problem
    >>> problem = Problem(nn.Linear(2, 3), torch.eye(2).repeat(4, 1), torch.arange(8) % 3)
    >>> function = LossFunction(problem, device="cpu")
    >>> every = torch.cat(list(example_gradients(function, rows=3)))
    >>> bool(torch.allclose(every.mean(0), function.gradient(), atol=1e-6))
    True
    """
    function.require_derivatives()
    if none_alone(function.problem):
        raise InputError(WHY_NONE_ALONE)
    layout, device, dtype = function.layout, function.workspace.device, function.workspace.dtype
    if draws_numbers(function.problem):
        yield from _drawn_gradients(function)
        return
    size = chunk_rows(function.problem.parameter_count) if rows is None else rows
    point = layout.views(function.point)
    for batch in function.workspace.batches:
        for start in range(0, len(batch.shaped_targets), size):
            part = slice(start, start + size)
            args, kwargs = tuple(t[part] for t in batch.args), {k: t[part] for k, t in batch.kwargs.items()}
            targets = batch.shaped_targets[part]
            for piece in gradient_pieces(function.workspace, point, args, kwargs, targets, mean=True):
                gradients = torch.zeros(len(piece[layout.names[0]]), layout.size, device=device, dtype=dtype)
                for name, offset, width in zip(layout.names, layout.offsets, layout.widths, strict=True):
                    gradients[:, offset : offset + width] = as_real(piece[name]).reshape(len(gradients), -1)
                if function.problem.weight_decay:
                    gradients += function.problem.weight_decay * function.point
                yield gradients


def inner_products(chunks: Sequence[Tensor]) -> Tensor:
    """g_i · g_j of the rows g (m, P) that `chunks` hold together, (m, m); each pair of chunks once, and no copy of the rows.

    >>> rows = torch.arange(10.0).reshape(5, 2)
    >>> bool((inner_products(rows.split(2)) == rows @ rows.T).all())
    True
    """
    blocks: list[list[Tensor]] = []
    for i, chunk in enumerate(chunks):
        blocks.append([blocks[j][i].T if j < i else chunk @ other.T for j, other in enumerate(chunks)])
    return torch.cat([torch.cat(row, 1) for row in blocks])


def gradient_pieces(
    workspace: Workspace,
    point: Mapping[str, Tensor],
    args: tuple[Tensor, ...],
    kwargs: Mapping[str, Tensor],
    targets: Tensor,
    mean: bool,
    of: str = "losses",
    only: int | None = None,
) -> Iterator[dict[str, Tensor]]:
    """Gradients of the examples' summed (or mean) losses, dict name → (m, …); one piece, or one per example.

    torch's recurrent kernels know no vmap, and derivatives inside a network none of its transforms, so such networks give a
    piece for each example. Where vmap or torch.func cannot follow the network or its loss, the examples are differentiated one
    after another, which is slower; `LOOPED` in the problem's trials then says why.

    of    "losses", or "negative_log_likelihoods"
    only  of this one among each example's predictions; None: of all
    """
    likelihood = workspace.problem.likelihood
    losses_of = getattr(likelihood, of)

    def example_loss(
        parameters: Mapping[str, Tensor], args: tuple[Tensor, ...], kwargs: dict[str, Tensor], y: Tensor
    ) -> Tensor:
        one = tuple(t.unsqueeze(0) for t in args)
        named = {k: t.unsqueeze(0) for k, t in kwargs.items()}
        outputs = workspace.outputs_at(parameters, one, named)
        rows, wanted = likelihood.flatten(outputs, y.unsqueeze(0))
        losses: Tensor = losses_of(rows, wanted)
        if only is not None:
            return losses[only]
        return losses.sum() / _predictions(likelihood, wanted, losses) if mean else losses.sum()

    differentiates, why = workspace.problem.differentiates, ""
    loops = differentiates or any(isinstance(module, nn.RNNBase) for module in workspace.model.modules())
    if not loops:
        if LOOPED not in workspace.problem.trials:
            each_gradient = partial(grad(example_loss), dict(point))
            try:
                with twice_differentiable(workspace.model):
                    gradients = vmap_in_groups(workspace.problem.trials, each_gradient, args, dict(kwargs), targets)
                yield gradients
                return
            except UNFIT as error:
                if isinstance(error, torch.OutOfMemoryError):
                    raise
                why = vmap_trouble(error)
        yield _one_by_one(workspace, point, args, kwargs, targets, example_loss)
        workspace.problem.trials.setdefault(LOOPED, why)
        return
    each = partial(_plain_gradient, workspace)  # which does without transforms: what packs sequences knows none
    for n, y in enumerate(targets):
        with twice_differentiable(workspace.model):
            gradients = each(example_loss)(
                dict(point), tuple(t[n] for t in args), {k: t[n] for k, t in kwargs.items()}, y
            )
        yield {k: g.unsqueeze(0) for k, g in gradients.items()}


def _plain_gradient(workspace: Workspace, loss: Callable[..., Tensor]) -> Callable[..., dict[str, Tensor]]:
    """Gradient as torch.func.grad's, for functions that use autograd themselves, or that it cannot follow."""

    @torch.enable_grad()
    def gradient(parameters: Mapping[str, Tensor], *rest: Any) -> dict[str, Tensor]:
        leaves = {name: tensor.detach().requires_grad_(True) for name, tensor in parameters.items()}
        return gradients_of(workspace, loss(leaves, *rest), leaves)

    return gradient


def _one_by_one(
    workspace: Workspace,
    point: Mapping[str, Tensor],
    args: tuple[Tensor, ...],
    kwargs: Mapping[str, Tensor],
    targets: Tensor,
    example_loss: Callable[..., Tensor],
) -> dict[str, Tensor]:
    """Gradients of the examples, one after another, by plain automatic differentiation."""
    rows: dict[str, list[Tensor]] = {name: [] for name in point}
    gradient = _plain_gradient(workspace, example_loss)
    for n, y in enumerate(targets):
        with twice_differentiable(workspace.model):
            found = gradient(point, tuple(t[n] for t in args), {k: t[n] for k, t in kwargs.items()}, y)
        for name, each in found.items():
            rows[name].append(each)
    return {name: torch.stack(each) for name, each in rows.items()}


def gradients_of(
    workspace: Workspace, total: Tensor, leaves: dict[str, Tensor], again: bool = False
) -> dict[str, Tensor]:
    if not total.requires_grad:
        if weight_dependence(workspace.problem).moves:
            raise InputError(NO_SLOPE)
        return {name: torch.zeros_like(leaf) for name, leaf in leaves.items()}
    found = torch.autograd.grad(total, list(leaves.values()), allow_unused=True, retain_graph=again)
    return {n: torch.zeros_like(leaf) if g is None else g for (n, leaf), g in zip(leaves.items(), found, strict=True)}


def drawn_pieces(
    workspace: Workspace,
    point: Mapping[str, Tensor],
    batch: Batch,
    targets: Tensor,
    mean: bool,
    of: str = "losses",
    only: int | None = None,
) -> dict[str, Tensor]:
    """As `gradient_pieces` for a whole batch of a network that draws random numbers: each example's own part of one pass, as
    an example by itself would get other numbers."""
    likelihood = workspace.problem.likelihood
    leaves = {name: value.detach().clone().requires_grad_(True) for name, value in point.items()}
    with (
        torch.enable_grad(),
        drawing(workspace.problem, batch, workspace.device),
        twice_differentiable(workspace.model),
    ):
        outputs = workspace.outputs_at(leaves, batch.args, batch.kwargs)
        flat, wanted = likelihood.flatten(outputs, targets)
        losses = getattr(likelihood, of)(flat, wanted).unflatten(0, (len(targets), -1))
    rows: dict[str, list[Tensor]] = {name: [] for name in point}
    for each, own in zip(losses, wanted.unflatten(0, (len(targets), -1)), strict=True):
        total = each.sum() / _predictions(likelihood, own, each) if mean else each.sum()
        for name, gradient in gradients_of(
            workspace, total if only is None else each[only], leaves, again=True
        ).items():
            rows[name].append(gradient)
    return {name: torch.stack(found) for name, found in rows.items()}


def _drawn_gradients(function: LossFunction) -> Iterator[Tensor]:
    layout, space, draws = function.layout, function.workspace, function.problem.draws
    point, every = layout.views(function.point), len(space.batches) // draws
    for first in range(every):
        batches = space.batches[first::every]  # the same examples, once for every draw
        total = torch.zeros(len(batches[0].shaped_targets), layout.size, device=space.device, dtype=space.dtype)
        for batch in batches:
            piece = drawn_pieces(space, point, batch, batch.shaped_targets, mean=True)
            for n, row in enumerate(total):
                row += layout.flatten({k: g[n] for k, g in piece.items()}, space.device, space.dtype)
        yield total / draws


def _predictions(likelihood: Likelihood, wanted: Tensor, losses: Tensor) -> Tensor | int:
    """How many predictions an example makes: its rows, less those that are not predicted."""
    predicted = likelihood.predicted(wanted)
    return losses.numel() if predicted is None else predicted.sum().clamp(min=1)
