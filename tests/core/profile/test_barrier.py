"""Barriers along straight lines against closed forms, and the basins that they tell apart."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from cases import convolution, smooth
from lossnav.core import InputError, Plane, Problem, survey
from lossnav.core.profile import barrier, basins, losses_between
from torch import Tensor, nn


class Well(nn.Module):
    """Double well in one parameter: L = (w² − 1)², minima at ±1, 1 high between."""

    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.tensor([1.0]).double())

    def forward(self, x: Tensor) -> Tensor:
        return x * (self.w.square() - 1)


def double_well() -> Problem:
    return Problem(Well(), torch.ones(2, 1).double(), torch.zeros(2, 1), loss="mse")


@pytest.mark.parametrize("points", [9, 17, 33])
@pytest.mark.parametrize("centre", [0.31, 0.5, 0.77])
def test_the_stated_error_covers_the_true_one(points: int, centre: float) -> None:
    t = np.linspace(0, 1, points)

    def loss(at: np.ndarray) -> np.ndarray:
        return np.exp(-((at - centre) ** 2) / 0.03) + 0.4 * at

    fine = np.linspace(0, 1, 200_001)
    truth = (loss(fine) - ((1 - fine) * loss(fine[:1]) + fine * loss(fine[-1:]))).max()
    found = barrier(t, loss(t))
    assert abs(found.height - truth) <= found.error
    assert found.at == pytest.approx(centre, abs=0.03)


def test_a_kink_between_two_points_is_within_the_error() -> None:
    t = np.linspace(0, 1, 17)
    found = barrier(t, -2 * np.abs(t - 0.53))
    ends = (1 - 0.53) * (-2 * 0.53) + 0.53 * (-2 * 0.47)
    assert abs(found.height - (0 - ends)) <= found.error


def test_a_line_without_a_rise_has_none() -> None:
    t = np.linspace(0, 1, 9)
    found = barrier(t, t**2)
    assert (found.height, found.error) == (0.0, pytest.approx(0, abs=1e-12))


def test_losses_that_are_not_finite_are_no_number() -> None:
    t, values = np.linspace(0, 1, 5), np.array([1.0, 2.0, np.inf, 2.0, 1.0])
    assert barrier(t, values).height == np.inf
    values[[0, 2]] = np.nan, 1.0
    assert np.isnan(barrier(t, values).height)


def test_refusals() -> None:
    with pytest.raises(InputError, match="odd number of points"):
        barrier(np.linspace(0, 1, 6), np.zeros(6))
    with pytest.raises(InputError, match="ascend"):
        barrier(np.array([0, 2, 1, 3, 4.0]), np.zeros(5))


def test_the_line_is_the_landscapes_own() -> None:
    problem = smooth()
    plane = Plane.random(problem)
    a, b = plane.at(-0.5, 0.2), plane.at(0.5, 0.4)
    t, losses = losses_between(problem, a, b, 9, device="cpu")
    land = survey(problem, Plane.line(a, b, "eval"), (9, 1), ((0.0, 1.0), (0.0, 0.0)), overlays=(), fidelity=False)
    np.testing.assert_allclose(losses, land["loss"].values[:, 0], rtol=1e-12)
    assert t.tolist() == np.linspace(0, 1, 9).tolist()


def test_two_minima_of_a_double_well_are_two_basins_and_each_is_its_own() -> None:
    at = {"left": -1.0, "right": 1.0, "beside": 0.9}
    places = {name: {"w": torch.tensor([w]).double()} for name, w in at.items()}
    found = {(p.first, p.second): p for p in basins(double_well(), places, device="cpu")}
    across = found["left", "right"]
    assert across.barrier.height == pytest.approx(1.0, abs=1e-6)
    assert (across.same, found["right", "beside"].same) == (False, True)
    assert found["left", "beside"].same is False


def test_a_place_is_in_its_own_basin_without_a_line() -> None:
    place = {"w": torch.tensor([1.0]).double()}
    (pair,) = basins(double_well(), {"a": place, "b": {"w": place["w"].clone()}}, device="cpu")
    assert (pair.same, pair.barrier.height) == (True, 0.0)


def test_an_error_that_leaves_it_open_says_so() -> None:
    places = {name: {"w": torch.tensor([w]).double()} for name, w in (("left", -1.0), ("right", 1.0))}
    (pair,) = basins(double_well(), places, level=1.0, points=5, device="cpu")
    assert pair.same is None


def test_statistics_stay_the_trained_networks() -> None:
    problem = convolution()
    other = Plane.random(problem).at(0.5, 0.0)
    _, losses = losses_between(problem, problem.parameters, other, 5, device="cpu")
    assert np.isfinite(losses).all()
