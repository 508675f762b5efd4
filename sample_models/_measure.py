"""Numbers measured on a trained network for its card."""

import torch
import torch.nn.functional as F
from lossnav.core import Problem
from lossnav.core.curvature.loss_function import LossFunction
from lossnav.core.plane.directions import gaussian_pair
from lossnav.core.spectrum.lanczos import extreme_eigenpairs
from torch import Tensor, nn


@torch.no_grad()
def mean_cross_entropy(model: nn.Module, inputs: Tensor, targets: Tensor) -> float:
    """Mean −ln p(target | input) in nats, in evaluation mode, over all examples (and tokens)."""
    logits = model.eval()(inputs)
    return F.cross_entropy(logits.flatten(0, -2), targets.flatten()).item()


@torch.no_grad()
def accuracy(model: nn.Module, inputs: Tensor, targets: Tensor) -> float:
    """Share of examples whose most probable class is the right one, 0..1."""
    return share(model.eval()(inputs).argmax(-1) == targets)


def share(mask: Tensor) -> float:
    """Share of entries that are true, 0..1."""
    return mask.double().mean().item()


def largest_eigenvalue(problem: Problem) -> float:
    """λₘₐₓ of the Hessian of the mean loss at the trained parameters, by Lanczos, in nats per squared unit."""
    function = LossFunction(problem, device="cpu")
    draw, _ = gaussian_pair(problem.parameters, seed=0)
    start = function.layout.flatten(draw, function.point.device, function.point.dtype)
    return extreme_eigenpairs(lambda v: function.hessian_products(v[None])[0], start).values[0].item()
