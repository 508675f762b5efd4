"""How the loss bends in the network's outputs: ∂²ℓ/∂z², and the Fisher of the outputs, prediction by prediction."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from ..checks import InputError
from ..problem.likelihoods.protocol import Likelihood, Middle, states


def output_hessian(likelihood: Likelihood, outputs: Tensor, targets: Tensor, by_differences: bool = False) -> Middle:
    """u → (∂²ℓ/∂z²) u for outputs (m, …), row by row, of a loss that treats rows apart.

    In closed form where the loss states one of the losses that it computes, for all others by automatic differentiation, or by
    central differences of ∂ℓ/∂z where that has no second derivative.

    >>> from ..problem.likelihoods import CrossEntropy
    >>> z = torch.zeros(1, 2, dtype=torch.float64)  # p = (½, ½): diag(p) − ppᵀ = [[¼, −¼], [−¼, ¼]]
    >>> output_hessian(CrossEntropy(), z, torch.tensor([1]))(torch.tensor([[1.0, 0.0]]))
    tensor([[ 0.2500, -0.2500]], dtype=torch.float64)
    """
    stated = likelihood.output_hessian(outputs, targets) if states(likelihood, "output_hessian") else None
    if stated is not None:
        return stated
    how = differenced if by_differences else differentiated
    return how(lambda z: likelihood.losses(z, targets), outputs.detach())


def differentiated(losses: Callable[[Tensor], Tensor], outputs: Tensor) -> Middle:
    """u → (∂² Σ ℓ/∂z²) u at outputs z without a graph, by automatic differentiation."""
    outputs = outputs.requires_grad_(True)
    with torch.enable_grad():
        (slope,) = torch.autograd.grad(losses(outputs).sum(), outputs, create_graph=True)

    def middle(u: Tensor) -> Tensor:
        if not slope.requires_grad:
            return torch.zeros_like(u)  # linear in the outputs
        found = torch.autograd.grad(slope, outputs, u, retain_graph=True, allow_unused=True)[0]
        return torch.zeros_like(u) if found is None else found

    return middle


def differenced(losses: Callable[[Tensor], Tensor], outputs: Tensor) -> Middle:
    """The same by central differences of ∂ℓ/∂z, where that has no derivative."""

    def slope(at: Tensor) -> Tensor:
        at = at.detach().requires_grad_(True)
        with torch.enable_grad():
            (found,) = torch.autograd.grad(losses(at).sum(), at)
        return found

    def middle(u: Tensor) -> Tensor:
        length = float(u.norm())
        if length == 0:
            return torch.zeros_like(u)
        h = float(torch.finfo(u.dtype).eps ** (1 / 3)) * max(float(outputs.norm()), 1e-3) / length
        return (slope(outputs + h * u) - slope(outputs - h * u)) / (2 * h)

    return middle


def laid_out(outputs: Any) -> tuple[Tensor, Callable[[Tensor], Any]]:
    """All real numbers of what a network returned as one tensor, and the way back; a tensor as it is.

    >>> flat, back = laid_out({"mean": torch.ones(2, 1), "spread": torch.zeros(2)})
    >>> flat.tolist(), back(flat)["mean"].shape
    ([1.0, 1.0, 0.0, 0.0], torch.Size([2, 1]))
    """
    if isinstance(outputs, Tensor):
        return outputs, lambda flat: flat
    leaves, spec = pytree.tree_flatten(outputs)
    places = [k for k, leaf in enumerate(leaves) if isinstance(leaf, Tensor) and leaf.is_floating_point()]
    if not places:
        raise InputError(
            f"The network returns no tensors, but an object of type {type(outputs).__name__}, so there is no Gauss-Newton or Fisher matrix of its "
            "outputs: take of='hessian', or let it return tensors and the loss build the rest."
        )
    sizes = [leaves[k].numel() for k in places]

    def back(flat: Tensor) -> Any:
        every = list(leaves)
        for place, piece in zip(places, flat.split(sizes), strict=True):
            every[place] = piece.reshape(leaves[place].shape)
        return pytree.tree_unflatten(every, spec)

    return torch.cat([leaves[k].flatten() for k in places]), back
