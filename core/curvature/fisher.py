"""The diagonal of the Fisher information (Kirkpatrick et al. 2017): a mean of squared per-example gradients.

Never the square of a mini-batch's mean gradient, which is another, much smaller number.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.func import functional_call

from ..checks import InputError, known
from ..network.batchnorm import calibrate
from ..network.workspace import Batch, Workspace, choose_device
from ..problem.likelihood import Gaussian, output_tensor
from ..problem.problem import Problem
from .example_gradients import chunk_rows, gradient_pieces

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
    InputError  "true" without a likelihood to draw labels from; an unknown kind
    """
    known(kind, KINDS, "kind of Fisher")
    if kind == "true" and not problem.likelihood.is_likelihood:
        raise InputError(
            f"The true Fisher draws labels from the model's likelihood, but the loss '{problem.likelihood.name}' states "
            "none: use Gaussian(sigma), or kind='empirical'."
        )
    where = choose_device(device)
    workspace = Workspace(problem, where, None, chunk_rows(problem.parameter_count))
    flat = workspace.origin if at is None else workspace.layout.flatten(at, where, workspace.dtype)
    point = workspace.layout.views(flat)
    calibrate(workspace, flat)
    generator = torch.Generator().manual_seed(seed)  # on the CPU, so that one seed means one F* on every device
    total = {k: torch.zeros_like(v) for k, v in point.items()}
    for batch in workspace.batches:
        for k, squares in _squared_gradients(workspace, point, batch, kind, generator).items():
            total[k] += squares
    return {k: v / problem.prediction_count for k, v in total.items()}


def _squared_gradients(
    workspace: Workspace, point: dict[str, Tensor], batch: Batch, kind: str, generator: torch.Generator
) -> dict[str, Tensor]:
    targets = batch.shaped_targets
    if kind == "true":
        targets = _drawn_targets(workspace, point, batch, generator)
    sequences = workspace.problem.likelihood.is_categorical and targets.ndim == 2 and not targets.is_floating_point()
    masks = _token_masks(targets) if sequences and kind == "empirical" else [None]
    total: dict[str, Tensor] = {}
    for mask in masks:
        shown = targets if mask is None else torch.where(mask, targets, -100)
        for k, squares in _summed_squares(workspace, point, batch, shown).items():
            total[k] = total.get(k, torch.zeros_like(squares)) + squares
    return total


def _summed_squares(workspace: Workspace, point: dict[str, Tensor], batch: Batch, targets: Tensor) -> dict[str, Tensor]:
    total = {k: torch.zeros_like(v) for k, v in point.items()}
    for piece in gradient_pieces(workspace, point, batch.args, batch.kwargs, targets, mean=False):
        for k, gradients in piece.items():
            total[k] += gradients.square().sum(0)
    return total


@torch.no_grad()
def _drawn_targets(workspace: Workspace, point: dict[str, Tensor], batch: Batch, generator: torch.Generator) -> Tensor:
    outputs = output_tensor(functional_call(workspace.model, point, batch.args, batch.kwargs))
    likelihood, shaped = workspace.problem.likelihood, batch.shaped_targets
    if isinstance(likelihood, Gaussian):
        noise = torch.randn(outputs.shape, generator=generator, dtype=torch.float64)
        return (outputs + likelihood.sigma * noise.to(outputs)).reshape(shaped.shape)
    reached = outputs.double().softmax(-1).cumsum(-1)
    below = torch.rand(outputs.shape[:-1], generator=generator, dtype=torch.float64).to(outputs.device)
    drawn = (reached[..., :-1] <= below[..., None]).sum(-1)
    return drawn if shaped.is_floating_point() else torch.where(shaped == -100, shaped, drawn)


def _token_masks(targets: Tensor) -> list[Tensor]:
    positions = torch.arange(targets.shape[1], device=targets.device)
    return [(positions == t).expand_as(targets) for t in range(targets.shape[1])]
