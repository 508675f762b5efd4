"""What the tests of further kinds of networks and losses share: the kinds' form, small networks, and the comparison.

The truth is plain torch: the network's own copy with the moved weights, its loss as a training loop has it, and autograd.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable
from typing import Any, NamedTuple

import cases
import pytest
import torch
from lossnav.core import Estimation, Plane, Problem, survey
from lossnav.core.curvature.loss_function import LossFunction
from torch import Tensor, nn

N = 12
X, TWO, CLASSES = cases.normal(N, 3), cases.normal(N, 2, seed=4), cases.labels(N, classes=3)


class Kind(NamedTuple):
    """A problem, and its loss as a training loop has it, of a network."""

    problem: Problem
    own: Callable[[nn.Module], Tensor]
    second: bool = True


def net(*sizes: int) -> nn.Module:
    layers: list[nn.Module] = []
    for a, b in itertools.pairwise(sizes):
        layers += [nn.Linear(a, b), nn.Tanh()]
    return cases.initialised(nn.Sequential(*layers[:-1]))


def module(forward: Callable[..., Any], **parts: Any) -> nn.Module:
    """A module of these parts, whose forward(self, …) is the function."""
    kind = type("Made", (nn.Module,), {"forward": forward})
    made = kind()
    for name, part in parts.items():
        if isinstance(part, Tensor) and not isinstance(part, nn.Parameter):
            made.register_buffer(name, part)
        else:
            setattr(made, name, part)
    return made.double()


def agrees_with_its_training_code(kind: Kind) -> None:
    """Loss, gradient and a Hessian product at a place beside θ₀."""
    torch.manual_seed(0)
    function = LossFunction(kind.problem, None, "cpu")
    function.point += 0.2 * torch.randn(function.point.shape, generator=torch.Generator().manual_seed(1)).to(
        function.point
    )
    model = copy.deepcopy(kind.problem.model).eval()
    model.load_state_dict({**model.state_dict(), **function.layout.views(function.point)})
    before = {k: v.clone() for k, v in model.named_buffers()}
    chosen = [p for k, p in model.named_parameters() if k in kind.problem.parameters]
    loss = kind.own(model)
    slopes = torch.autograd.grad(loss, chosen, create_graph=kind.second)
    value, gradient = function.loss_and_gradient(function.point)
    assert value == pytest.approx(float(loss.detach()), rel=1e-6)
    views = list(function.layout.views(gradient).values())
    for mine, own in zip(views, slopes, strict=True):
        torch.testing.assert_close(mine, own.detach(), rtol=1e-5, atol=1e-7)
    v = torch.randn(function.point.shape, generator=torch.Generator().manual_seed(2)).to(function.point)
    found = function.hessian_products(v[None])[0]
    if kind.second:
        along = sum((s * d).sum() for s, d in zip(slopes, function.layout.views(v).values(), strict=True))
        own_products = torch.autograd.grad(along, chosen, allow_unused=True)
    else:
        own_products = tuple(_difference(model, before, chosen, kind.own, function.layout.views(v).values()))
    for mine, product in zip(function.layout.views(found).values(), own_products, strict=True):
        torch.testing.assert_close(mine, torch.zeros_like(mine) if product is None else product, rtol=1e-4, atol=1e-5)


def _difference(model: nn.Module, before: Any, chosen: Any, own: Any, v: Any) -> Any:
    """H v as a central difference of gradients by the training code, its buffers put back."""
    slopes, h = [], 1e-5
    for sign in (1, -1):
        with torch.no_grad():
            for name, buffer in model.named_buffers():
                buffer.copy_(before[name])
            for p, d in zip(chosen, v, strict=True):
                p.add_(sign * h * d)
        slopes.append(torch.autograd.grad(own(model), chosen))
        with torch.no_grad():
            for p, d in zip(chosen, v, strict=True):
                p.sub_(sign * h * d)
    return [(a - b) / (2 * h) for a, b in zip(*slopes, strict=True)]


def readouts(problem: Problem, *names: str) -> Any:
    effort = Estimation(probes=3, steps=3, examples=N)
    return survey(problem, Plane.random(problem), (1, 1), overlays=names, fidelity=False, effort=effort)
