"""Products Jᵀ M J v: the generalised Gauss-Newton matrix and both Fishers (Schraudolph 2002; Martens 2014).

J is the Jacobian of all predictions (or of all losses) in the parameters. It is never formed: Jᵀw is linear in w,
so that its derivative in w, applied to v, is J v; a second backward pass then applies Jᵀ. Both passes go over one
retained graph per chunk, however many vectors there are.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ..checks import InputError
from ..likelihood import CrossEntropy, Gaussian, Likelihood, MeanSquaredError
from .products import LossFunction

Middle = Callable[[Tensor], Tensor]


def gauss_newton_products(function: LossFunction, directions: Tensor) -> Tensor:
    """G v for each row v of `directions` (k, P padded): G = (1/N) Σ_n J_nᵀ (∂²ℓ_n/∂z_n²) J_n."""

    def middle(outputs: Tensor, targets: Tensor) -> Middle:
        return output_hessian(function.problem.likelihood, outputs, targets)

    return _sandwiched(function, directions, middle)


def fisher_products(function: LossFunction, directions: Tensor) -> Tensor:
    """F v for each row of `directions` (k, P padded): F = (1/N) Σ_n E_{y∼p(·|x_n)} ∇ℓ_n(y) ∇ℓ_n(y)ᵀ, exactly.

    The expectation over labels is the Fisher of the outputs in closed form, no draw: diag(p) − ppᵀ for softmax,
    I/σ² for a Gaussian. For labels of one class, or soft ones that sum to one, it is the Gauss-Newton matrix.

    Raises
    ------
    InputError  the loss states no likelihood
    """

    def middle(outputs: Tensor, targets: Tensor) -> Middle:
        return output_fisher(function.problem.likelihood, outputs)

    return _sandwiched(function, directions, middle)


def empirical_fisher_products(function: LossFunction, directions: Tensor) -> Tensor:
    """F_e v for each row of `directions` (k, P padded): F_e = (1/N) Σ_n g_n g_nᵀ, g_n = ∇ℓ_n with the data's own label.

    n runs over predictions, for a language model over tokens, each with a gradient of its own: the rows of J are
    the gradients of the losses, and nothing stands in the middle.
    """
    losses = function.problem.likelihood.losses
    total = torch.zeros_like(directions, dtype=torch.float64)
    for batch in function.workspace.batches:
        point = function.point.clone().requires_grad_(True)
        each = losses(function.predictions(point, batch), batch.targets)
        total += _through(each, point, directions, lambda u: u)
    return (total / function.problem.prediction_count).to(directions)


def output_hessian(likelihood: Likelihood, outputs: Tensor, targets: Tensor) -> Middle:
    """u → (∂²ℓ/∂z²) u for outputs (m, …), row by row, of a loss that treats rows apart.

    >>> z = torch.zeros(1, 2, dtype=torch.float64)  # p = (½, ½): diag(p) − ppᵀ = [[¼, −¼], [−¼, ¼]]
    >>> output_hessian(CrossEntropy(), z, torch.tensor([1]))(torch.tensor([[1.0, 0.0]]))
    tensor([[ 0.2500, -0.2500]], dtype=torch.float64)
    """
    if isinstance(likelihood, CrossEntropy):
        plain = _softmax_fisher(outputs)
        if not targets.is_floating_point():
            return plain
        mass = targets.sum(-1, keepdim=True)  # −Σ y_k ln p_k bends by Σ y, which need not be 1 to the last digit
        return lambda u: mass * plain(u)
    if isinstance(likelihood, Gaussian):
        return lambda u: u / likelihood.sigma**2
    if isinstance(likelihood, MeanSquaredError):
        return lambda u: 2 * u / outputs[0].numel()
    return _differentiated(likelihood, outputs.detach(), targets)


def output_fisher(likelihood: Likelihood, outputs: Tensor) -> Middle:
    """u → E_y[∂ℓ/∂z ∂ℓ/∂zᵀ] u with y drawn from the model, for outputs (m, …)."""
    if isinstance(likelihood, Gaussian):
        return lambda u: u / likelihood.sigma**2
    if likelihood.is_likelihood and likelihood.is_categorical:
        return _softmax_fisher(outputs)
    raise InputError(
        f"The Fisher draws labels from the model's likelihood, but the loss '{likelihood.name}' states none: "
        "use Gaussian(sigma), or of='empirical_fisher'."
    )


def _softmax_fisher(outputs: Tensor) -> Middle:
    p = outputs.detach().softmax(-1)
    return lambda u: p * u - p * (p * u).sum(-1, keepdim=True)


def _differentiated(likelihood: Likelihood, outputs: Tensor, targets: Tensor) -> Middle:
    outputs = outputs.requires_grad_(True)
    with torch.enable_grad():
        total = likelihood.losses(outputs, targets).sum()
        (slope,) = torch.autograd.grad(total, outputs, create_graph=True)

    def middle(u: Tensor) -> Tensor:
        if not slope.requires_grad:
            return torch.zeros_like(u)  # linear in the outputs
        found = torch.autograd.grad(slope, outputs, u, retain_graph=True, allow_unused=True)[0]
        return torch.zeros_like(u) if found is None else found

    return middle


def _sandwiched(function: LossFunction, directions: Tensor, middle: Callable[[Tensor, Tensor], Middle]) -> Tensor:
    total = torch.zeros_like(directions, dtype=torch.float64)
    for batch in function.workspace.batches:
        point = function.point.clone().requires_grad_(True)
        outputs = function.predictions(point, batch)
        total += _through(outputs, point, directions, middle(outputs, batch.targets))
    return (total / function.problem.prediction_count).to(directions)


def _through(values: Tensor, point: Tensor, directions: Tensor, middle: Middle) -> Tensor:
    found = torch.zeros_like(directions)
    if not values.requires_grad:
        return found
    weights = torch.zeros_like(values, requires_grad=True)
    (pulled,) = torch.autograd.grad(values, point, weights, create_graph=True)
    for row, direction in enumerate(directions):
        (pushed,) = torch.autograd.grad(pulled, weights, direction, retain_graph=True)
        (found[row],) = torch.autograd.grad(values, point, middle(pushed), retain_graph=True)
    return found
