"""Products with curvature matrices by central differences, where automatic differentiation gives none or wrong ones.

H v ≈ (∇L(θ + h v) − ∇L(θ − h v)) / 2h with the usual h = ε^⅓ ‖θ‖/‖v‖, ε of float64 wherever the network can be run in it
(Nocedal & Wright, ch. 8). Its error is of the order of ε^⅔: 4e-11 in float64, 2e-5 in float32, and more where the loss bends
sharply. The Jacobian's products J v are differences of the outputs; its transpose needs first derivatives only.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ..network.workspace import Batch
from ..problem.likelihoods.protocol import Middle
from ..problem.likelihoods.vocabulary import Headed
from .output_curvature import differenced, laid_out, output_hessian

if TYPE_CHECKING:
    from .loss_function import LossFunction


def difference_products(function: LossFunction, directions: Tensor, of: str) -> Tensor:
    """A v for each row v of `directions` (k, P padded), a mean over predictions, at `function.point`.

    of  "hessian" | "ggn" | "fisher" | "empirical_fisher"
    """
    working = _at_the_same_place(function)
    product = _gradient_difference if of == "hessian" else _gauss_newton
    products = torch.zeros_like(directions)
    for row, direction in zip(products, directions, strict=True):
        v = direction.to(working.point)
        if bool(v.any()):
            row.copy_(product(working, v, step(working.point, v), of))
    return products


def step(point: Tensor, direction: Tensor, share: float | None = None) -> float:
    """h such that h v is `share` (None: ε^⅓) of θ's length, or of 1 where θ is shorter than one part in a thousand."""
    share = float(torch.finfo(point.dtype).eps ** (1 / 3)) if share is None else share
    length = float(point.double().norm())
    return share * (length if length > 1e-3 else 1.0) / float(direction.double().norm())


def _at_the_same_place(function: LossFunction) -> LossFunction:
    double = function.in_double()
    if double is None or double is function:
        return function
    double.point = function.point.double()
    found = dict(function.workspace.model.named_buffers())
    for name, buffer in double.workspace.model.named_buffers():
        buffer.copy_(found[name])
    return double


def _gradient_difference(function: LossFunction, v: Tensor, h: float, of: str) -> Tensor:
    ahead, behind = (function.loss_and_gradient(function.point + sign * h * v)[1] for sign in (1, -1))
    return (ahead - behind) / (2 * h)


@torch.enable_grad()
def _gauss_newton(function: LossFunction, v: Tensor, h: float, of: str) -> Tensor:
    total = torch.zeros_like(v)
    for batch in function.workspace.batches:
        point = function.point.clone().requires_grad_(True)
        outputs, losses = function.outputs_and_losses(point, batch)
        values, back = (losses, None) if of == "empirical_fisher" else laid_out(outputs)
        if not values.requires_grad:
            continue  # of a constant
        with torch.set_grad_enabled(function.problem.differentiates):
            ahead, behind = (_values(function, function.point + sign * h * v, batch, of).detach() for sign in (1, -1))
        pushed = (ahead - behind) / (2 * h)
        weights = pushed if back is None else _bent(function, outputs, back, batch, of)(pushed)
        (found,) = torch.autograd.grad(values, point, weights.to(values))
        total += found
    total /= function.workspace.prediction_count
    return total + function.problem.weight_decay * v if of == "ggn" else total


def _values(function: LossFunction, point: Tensor, batch: Batch, of: str) -> Tensor:
    outputs, losses = function.outputs_and_losses(point, batch)
    return losses if of == "empirical_fisher" else laid_out(outputs)[0]


def _bent(function: LossFunction, outputs: Any, back: Callable[[Tensor], Any], batch: Batch, of: str) -> Middle:
    likelihood = function.problem.likelihood
    flat = laid_out(outputs)[0].detach()
    if isinstance(outputs, Headed):
        return likelihood.joint_middle(outputs)  # type: ignore[attr-defined]
    if of == "fisher":
        return likelihood.output_fisher(flat)
    if isinstance(outputs, Tensor):
        return output_hessian(likelihood, flat, batch.targets, by_differences=True)
    return differenced(lambda z: likelihood.losses(back(z), batch.targets), flat)
