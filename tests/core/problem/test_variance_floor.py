"""GaussianNLLLoss where its floor of the variance is active: whose derivative the curvature is."""

from __future__ import annotations

import cases
import pytest
import torch
from further import TWO, X, module
from lossnav.core import Problem, check, spectrum
from torch import Tensor, nn
from torch.nn import functional as F


def heads() -> nn.Module:
    parts = {"mean": cases.initialised(cases.mlp((3, 4, 2), nn.Tanh)), "spread": nn.Linear(3, 2)}
    torch.manual_seed(0)
    return module(lambda self, x: (self.mean(x), F.softplus(self.spread(x))), **parts)


def gradient(problem: Problem, loss: nn.Module, at: Tensor) -> Tensor:
    """Of torch's own training code, at a flat point."""
    names = list(problem.parameters)
    sizes = [problem.parameters[name].shape for name in names]
    leaves = [
        t.view(s).clone().requires_grad_() for t, s in zip(at.split([s.numel() for s in sizes]), sizes, strict=True)
    ]
    mean, spread = torch.func.functional_call(problem.model, dict(zip(names, leaves, strict=True)), (X,))
    return torch.cat([g.flatten() for g in torch.autograd.grad(loss(mean, TWO, spread), leaves)])


def test_curvature_is_the_derivative_of_the_gradient_that_training_follows() -> None:
    loss = nn.GaussianNLLLoss(eps=0.7)
    problem = Problem(heads(), X, TWO, loss=loss)
    here = torch.cat([p.flatten() for p in problem.parameters.values()])
    step = 1e-5
    rows = [
        (gradient(problem, loss, here + d) - gradient(problem, loss, here - d)) / (2 * step)
        for d in step * torch.eye(len(here), dtype=here.dtype)
    ]
    found = spectrum(problem, method="exact", device="cpu")
    assert found.trace == pytest.approx(float(torch.stack(rows).trace()), rel=1e-6)
    assert "held at it, while their slope goes through" in " ".join(problem.notes)
    assert any(finding.alarms for finding in check(problem) if finding.what == "gradient")


def test_nothing_is_said_where_no_variance_is_held() -> None:
    assert "held at it" not in " ".join(Problem(heads(), X, TWO, loss=nn.GaussianNLLLoss()).notes)
