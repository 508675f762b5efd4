"""The diagonal of the Fisher information (Kirkpatrick et al. 2017): a mean of squared per-example gradients.

Never the square of a mini-batch's mean gradient, which is another, much smaller number.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from ..checks import InputError, known
from ..network.batch_dependence import WHY_NONE_ALONE, drawing, draws_numbers
from ..network.batching import none_alone, required_batch_size
from ..network.batchnorm import calibrate
from ..network.workspace import Batch, Workspace, choose_device
from ..problem.problem import Problem
from ..problem.trial import passes
from .example_gradients import chunk_rows, drawn_pieces, gradient_pieces

KINDS = ("true", "empirical")


def fisher_diagonal(
    problem: Problem,
    at: Mapping[str, Tensor] | None = None,
    kind: str = "true",
    seed: int = 0,
    device: str | torch.device = "auto",
) -> dict[str, Tensor]:
    """F_i = (1/N) Σ_n (∂ℓ_n/∂θ_i)² over the trainable parameters, dict name → tensor.

    Parameters
    ----------
    kind  "true": labels drawn from the model with the seed; "empirical": the data's own labels
    at    the point; None: θ₀

    Under `batchnorm="recalibrate"` the statistics are those of all the data at the point, held fixed in the gradients.

    For a language model N counts predicted tokens. Labels drawn independently make the cross terms between
    the tokens of one sequence vanish on average, so the squared gradient of a sequence's sum estimates the
    sum of the tokens' squares; with the data's labels it does not, and each token is differentiated by itself.

    Raises
    ------
    InputError  "true" without a likelihood to draw labels from; an unknown kind; examples that depend on each other
    """
    known(kind, KINDS, "kind of Fisher")
    if kind == "true" and not problem.likelihood.is_likelihood:
        raise InputError(
            f"The true Fisher draws labels from the model's likelihood, but the loss '{problem.likelihood.name}' states "
            "none: use Gaussian(sigma), or kind='empirical'."
        )
    where = choose_device(device)
    if none_alone(problem):
        raise InputError(WHY_NONE_ALONE)
    size = required_batch_size(problem, where) if draws_numbers(problem) else None
    workspace = Workspace(problem, where, None, size or chunk_rows(problem.parameter_count))
    flat = workspace.origin if at is None else workspace.layout.flatten(at, where, workspace.dtype)
    point = workspace.layout.views(flat)
    calibrate(workspace, flat)
    generator = torch.Generator().manual_seed(seed)  # on the CPU, so that one seed means one F* on every device
    total = {k: torch.zeros_like(v) for k, v in point.items()}
    for batch in workspace.batches:
        for k, squares in _squared_gradients(workspace, point, batch, kind, generator).items():
            total[k] += squares
    return {k: v / workspace.prediction_count for k, v in total.items()}


def _squared_gradients(
    workspace: Workspace, point: dict[str, Tensor], batch: Batch, kind: str, generator: torch.Generator
) -> dict[str, Tensor]:
    targets, of = batch.shaped_targets, "losses"
    if kind == "true":
        targets, of = _drawn_targets(workspace, point, batch, generator), "negative_log_likelihoods"
    # drawn independently, the cross terms between an example's predictions vanish on average; the data's own do not
    each = workspace.problem.likelihood.target_rows(targets[:1]).shape[0] if kind == "empirical" else 1
    total: dict[str, Tensor] = {}
    for only in range(each) if each > 1 else [None]:
        for k, squares in _summed_squares(workspace, point, batch, targets, of, only).items():
            total[k] = total.get(k, torch.zeros_like(squares)) + squares
    return total


def _summed_squares(
    workspace: Workspace, point: dict[str, Tensor], batch: Batch, targets: Tensor, of: str, only: int | None
) -> dict[str, Tensor]:
    total = {k: torch.zeros_like(v) for k, v in point.items()}
    if draws_numbers(workspace.problem):
        pieces = iter([drawn_pieces(workspace, point, batch, targets, False, of, only)])
    else:
        pieces = gradient_pieces(workspace, point, batch.args, batch.kwargs, targets, False, of, only)
    for piece in pieces:
        for k, gradients in piece.items():
            total[k] += gradients.square().sum(0)
    return total


def _drawn_targets(workspace: Workspace, point: dict[str, Tensor], batch: Batch, generator: torch.Generator) -> Tensor:
    with passes(workspace.problem.differentiates), drawing(workspace.problem, batch, workspace.device):
        outputs = workspace.outputs_at(point, batch.args, batch.kwargs)
    with passes(workspace.problem.differentiates):
        drawn = workspace.problem.likelihood.sample(outputs, batch.shaped_targets, generator)
    return drawn.detach().clone()  # no tensor of inference mode, which autograd could not keep
