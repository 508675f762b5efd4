"""Nobody's data are changed, whatever a forward or a loss does to what it is given, and every point sees the same."""

from __future__ import annotations

from collections.abc import Callable

import cases
import numpy as np
import pytest
import torch
from lossnav.core import Plane, Problem, Spectrum, density_map, spectrum, survey
from torch import Tensor, nn
from torch.nn import functional as F


class Writer(nn.Module):
    def __init__(self, act: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.act, self.layer = act, nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(self.act(x))


def unseen(x: Tensor) -> Tensor:
    x.data.mul_(0.5)
    return x


def through_numpy(x: Tensor) -> Tensor:
    x.numpy()[:] += 1.0
    return x


WRITERS = {
    "normalises": lambda x: x.sub_(0.5).div_(0.5),
    "rectifies": lambda x: F.relu(x, inplace=True),
    "masks": lambda x: x.masked_fill_(x > 0.5, 0.0),
    "through data": unseen,
    "through numpy": through_numpy,
}
X, Y = cases.normal(9, 4), cases.labels(9, classes=3)


@pytest.mark.parametrize("kind", WRITERS)
def test_inputs_stay_as_they_are_and_points_agree(kind: str) -> None:
    model, x = cases.initialised(Writer(WRITERS[kind])), X.clone()
    problem = Problem(model, x, Y)
    plane = Plane.random(problem)
    land = survey(problem, plane, (3, 3), overlays=("slope",))
    assert torch.equal(x, X)
    for alpha, beta in ((-1, -1), (0, 0), (1, 0)):
        at = plane.at(alpha, beta)
        expected = F.cross_entropy(F.linear(WRITERS[kind](X.clone()), at["layer.weight"], at["layer.bias"]), Y)
        assert float(land["loss"].sel(alpha=alpha, beta=beta)) == pytest.approx(float(expected), rel=1e-12)


@pytest.mark.parametrize("kind", ["normalises", "rectifies"])
def test_spectra_and_maps_leave_them_too(kind: str) -> None:
    model, x = cases.initialised(Writer(WRITERS[kind])), X.clone()
    plain = Problem(cases.initialised(Writer(lambda x: x)), WRITERS[kind](X.clone()), Y)

    def top(problem: Problem) -> Spectrum:
        return spectrum(problem, top=1, steps=15, probes=2)

    problem = Problem(model, x, Y)
    np.testing.assert_allclose(top(problem).top, top(plain).top, rtol=1e-9)
    density_map(problem, permutations=5)
    assert torch.equal(x, X)


def test_named_inputs_too() -> None:
    class Named(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(4, 3)

        def forward(self, values: Tensor, keep: Tensor) -> Tensor:
            keep.logical_not_()
            return self.layer(values * keep)

    keep = torch.rand(9, 4, generator=torch.Generator().manual_seed(0)) > 0.5
    kept, model = keep.clone(), cases.initialised(Named())
    problem = Problem(model, {"values": X, "keep": keep}, Y)
    land = survey(problem, Plane.random(problem), (3, 3))
    assert torch.equal(keep, kept)
    expected = F.cross_entropy(model.layer(X * ~kept), Y).detach()
    assert float(land["loss"].sel(alpha=0, beta=0)) == pytest.approx(float(expected), rel=1e-12)


def test_targets_that_the_loss_writes_to() -> None:
    def loss(outputs: Tensor, targets: Tensor) -> Tensor:
        return (outputs - targets.mul_(2.0)).square().mean(1)

    targets = cases.normal(9, 3, seed=5)
    kept, model = targets.clone(), cases.initialised(nn.Linear(4, 3))
    problem = Problem(model, X, targets, loss=loss)
    land = survey(problem, Plane.random(problem), (3, 3))
    assert torch.equal(targets, kept)
    expected = (model(X) - 2 * kept).square().mean().detach()
    assert float(land["loss"].sel(alpha=0, beta=0)) == pytest.approx(float(expected), rel=1e-12)
