"""How the loss bends in the network's outputs: ∂²ℓ/∂z², and the Fisher of the outputs, prediction by prediction."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ..checks import InputError
from ..problem.likelihood import CrossEntropy, Gaussian, Likelihood, MeanSquaredError

Middle = Callable[[Tensor], Tensor]


def output_hessian(likelihood: Likelihood, outputs: Tensor, targets: Tensor) -> Middle:
    """u → (∂²ℓ/∂z²) u for outputs (m, …), row by row, of a loss that treats rows apart.

    In closed form for the losses known here, by automatic differentiation for all others, their subclasses included.

    >>> z = torch.zeros(1, 2, dtype=torch.float64)  # p = (½, ½): diag(p) − ppᵀ = [[¼, −¼], [−¼, ¼]]
    >>> output_hessian(CrossEntropy(), z, torch.tensor([1]))(torch.tensor([[1.0, 0.0]]))
    tensor([[ 0.2500, -0.2500]], dtype=torch.float64)
    """
    if type(likelihood) is CrossEntropy:
        plain = _softmax_fisher(outputs)
        if not targets.is_floating_point():
            return plain
        mass = targets.sum(-1, keepdim=True)  # −Σ y_k ln p_k bends by Σ y, which need not be 1 to the last digit
        return lambda u: mass * plain(u)
    if type(likelihood) is Gaussian:
        return lambda u: u / likelihood.sigma**2
    if type(likelihood) is MeanSquaredError:
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
