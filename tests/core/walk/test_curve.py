"""Curves of low loss between networks: on a ring whose best curve is known, on trained networks, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from lossnav.core import InputError, Plane, Problem
from lossnav.core.curvature.loss_function import LossFunction
from lossnav.core.walk import low_loss_curve
from scipy.optimize import minimize_scalar
from torch import nn


class Ring(nn.Module):
    """Of loss (|w|² − 1)², 0 on the unit circle."""

    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.tensor([1.0, 0.0], dtype=torch.float64))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (self.w**2).sum() * x


def ring() -> Problem:
    return Problem(Ring(), torch.ones(1, 1).double(), torch.ones(1, 1).double(), loss="mse")


def bezier(t: np.ndarray, control: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    t = t[:, None]
    return (1 - t) ** 2 * a + 2 * t * (1 - t) * control + t**2 * b


RIGHT, LEFT = (np.array([1.0, 0.0]), np.array([-1.0, 0.0]))


def mean_loss(height: float) -> float:
    """Of the curve around the ring with its control point that high, over t."""
    points = bezier(np.linspace(0, 1, 4001), np.array([0.0, height]), RIGHT, LEFT)
    return float((((points**2).sum(1) - 1) ** 2).mean())


def test_the_curve_around_a_ring_is_the_best_there_is() -> None:
    best = minimize_scalar(mean_loss, bounds=(1, 3), method="bounded")
    ends = [{"w": torch.tensor(end)} for end in (RIGHT, LEFT)]
    curve = low_loss_curve(ring(), *ends, steps=3000, device="cpu")
    control = curve.control["w"].numpy()
    assert abs(control[1]) == pytest.approx(best.x, abs=0.02)
    assert control[0] == pytest.approx(0, abs=0.05)
    points = bezier(curve.t, control, RIGHT, LEFT)
    np.testing.assert_allclose(curve.loss, ((points**2).sum(1) - 1) ** 2, atol=1e-12)
    np.testing.assert_allclose(curve.straight, ((1 - 2 * curve.t) ** 2 - 1) ** 2, atol=1e-12)


def trained(seed: int, data: tuple[torch.Tensor, torch.Tensor]) -> nn.Module:
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 2))
    optimizer = torch.optim.Adam(model.parameters(), 0.02)
    for _ in range(200):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(data[0]), data[1]).backward()
        optimizer.step()
    return model


@pytest.fixture(scope="module")
def moons() -> tuple[torch.Tensor, torch.Tensor]:
    angle = torch.linspace(0, np.pi, 60)
    upper, lower = torch.stack([angle.cos(), angle.sin()], 1), torch.stack([1 - angle.cos(), 0.5 - angle.sin()], 1)
    noise = 0.1 * torch.randn(120, 2, generator=torch.Generator().manual_seed(0))
    return torch.cat([upper, lower]) + noise, torch.arange(2).repeat_interleave(60)


def test_two_networks_are_joined_below_the_straight_line(moons: tuple[torch.Tensor, torch.Tensor]) -> None:
    one, other = trained(0, moons), trained(1, moons)
    problem = Problem(one, *moons)
    curve = low_loss_curve(problem, one, other, device="cpu")
    assert curve.loss[[0, -1]] == pytest.approx(curve.straight[[0, -1]])
    assert curve.straight.max() > 0.1 + curve.straight[[0, -1]].max()
    assert curve.loss.max() < curve.straight.max() / 3
    again = low_loss_curve(problem, one, other, device="cpu")
    assert all(torch.equal(curve.control[name], again.control[name]) for name in curve.control)
    plane = Plane.through(one, other, curve.control)  # Garipov's plane
    middle = {
        name: 0.25 * a + 0.5 * curve.control[name] + 0.25 * b
        for (name, a), b in zip(problem.parameters.items(), other.parameters(), strict=True)
    }
    alpha, beta, off = plane.project(middle)
    assert off < 1e-5
    assert LossFunction(problem, plane.at(alpha, beta), "cpu").loss(
        LossFunction(problem, plane.at(alpha, beta), "cpu").point
    ) == pytest.approx(curve.loss[16], rel=1e-4)


def test_batchnorms_statistics_are_each_networks_own_at_the_ends_and_the_datas_between() -> None:
    torch.manual_seed(0)
    inputs, targets = torch.randn(40, 3), torch.randint(0, 2, (40,))
    one, other = (nn.Sequential(nn.Linear(3, 5), nn.BatchNorm1d(5), nn.Linear(5, 2)) for _ in range(2))
    for model in (one, other):
        model(3 + inputs)  # other statistics than the data's
        model.eval()
    curve = low_loss_curve(Problem(one, inputs, targets), one, other, steps=3, device="cpu")
    with torch.no_grad():
        ends = [float(nn.functional.cross_entropy(model(inputs), targets)) for model in (one, other)]
    assert curve.loss[[0, -1]] == pytest.approx(ends, rel=1e-5)


def test_what_is_no_pair_of_networks_is_refused() -> None:
    with pytest.raises(InputError, match="steps of 1 or more"):
        low_loss_curve(ring(), ring(), ring(), steps=0)
    with pytest.raises(InputError, match="difference of the two configurations"):
        low_loss_curve(ring(), ring(), ring())
