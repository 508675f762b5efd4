"""Basins on functions of two parameters whose minima and ridges are known."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cases
import numpy as np
import pytest
import torch
from lossnav.core import Plane, Problem, survey
from lossnav.core.local.estimation import Estimation
from lossnav.core.survey import run as course
from torch import Tensor, nn

SPAN = ((-2.0, 2.0), (-1.5, 1.5))


def surface(height: Callable[[Tensor], Tensor], start: tuple[float, float]) -> Problem:
    """A loss of two parameters w; θ₀ is `start`."""

    class Point(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.w = nn.Parameter(torch.tensor(start).double())

        def forward(self, x: Tensor) -> Tensor:
            return height(self.w).expand(len(x), 1)

    zeros = torch.zeros(2, 1).double()
    return Problem(Point(), zeros, zeros, loss=lambda f, y: f[:, 0] + 0 * y[:, 0])


def axes(problem: Problem) -> Plane:
    """α and β are steps in the two parameters from θ₀."""
    here = problem.parameters["w"].clone()
    plus = [{"w": here + torch.tensor(d).double()} for d in ([1.0, 0.0], [0.0, 1.0])]
    return Plane.through({"w": here}, *plus)


def two_wells(w: Tensor) -> Tensor:
    """Minima at (±1, 0), the ridge between them at w₀ = 0, 1 above."""
    return (w[0] ** 2 - 1) ** 2 + 2 * w[1] ** 2


def test_labels_are_the_basins_of_attraction() -> None:
    problem = surface(two_wells, (1.0, 0.0))
    land = survey(problem, axes(problem), (17, 7), ((-3.0, 1.0), (-1.5, 1.5)), overlays=("basin",))
    first = 1 + land.alpha.values[:, None] + 0 * land.beta.values  # w₀ at each point
    clear = np.abs(first) > 0.05
    expected = np.where(first > 0, 0.0, 1.0)
    np.testing.assert_array_equal(land["memory_basin"].values[clear], expected[clear])
    assert set(np.unique(land["memory_basin"].values[~clear])) <= {0.0, 1.0, 2.0}  # on the ridge itself


def test_four_wells_of_different_depth_far_from_the_axes() -> None:
    """f = Σ_i (w_i² − 1)² + 0.3 w_i: the basins are the quadrants of the tops near 0.04."""
    problem = surface(lambda w: ((w**2 - 1) ** 2 + 0.3 * w).sum(), (0.96, 0.96))
    plane = axes(problem)
    land = survey(problem, plane, (8, 8), ((-2.5, 0.6), (-2.5, 0.6)), overlays=("basin",))
    top = 0.0755  # where 4 w³ − 4 w + 0.3 = 0 in the middle
    a, b = 0.96 + land.alpha.values[:, None], 0.96 + land.beta.values[None]
    quadrant = 2 * (a > top) + (b > top) * np.ones_like(a)
    labels = land["memory_basin"].values
    assert labels[-1, -1] == 0.0
    for q in np.unique(quadrant):
        assert len(np.unique(labels[quadrant == q])) == 1
    assert len(np.unique(labels)) == 4


def test_minima_that_a_flat_valley_joins_are_one_basin() -> None:
    problem = surface(lambda w: ((w**2).sum() - 1) ** 2, (1.0, 0.0))  # a ring of minima
    plane = axes(problem)
    span = ((-0.6, 0.2), (-0.7, 0.7))
    one = survey(problem, plane, (5, 5), span, overlays=("basin",), effort=Estimation(barrier=0.3))
    assert not one["memory_basin"].values.any()
    # a chord of the ring is not flat: with a strict tolerance far ends of the arc are apart
    many = survey(problem, plane, (5, 5), span, overlays=("basin",), effort=Estimation(barrier=1e-3))
    assert many["memory_basin"].values.max() >= 1
    trough = surface(lambda w: w[0] ** 2 + 0 * w[1], (0.0, 0.0))
    flat = survey(trough, axes(trough), (5, 5), SPAN, overlays=("basin",), effort=Estimation(barrier=1e-9))
    assert not flat["memory_basin"].values.any()


def test_a_low_ridge_is_a_border_only_to_a_strict_tolerance() -> None:
    problem = surface(two_wells, (1.0, 0.0))
    for tolerance, basins in ((0.5, {0.0, 1.0}), (1.5, {0.0})):
        effort = Estimation(barrier=tolerance)
        land = survey(problem, axes(problem), (4, 3), ((-2.6, 0.5), (-1, 1)), overlays=("basin",), effort=effort)
        assert set(np.unique(land["memory_basin"].values)) == basins


def test_where_the_loss_is_no_number_there_is_no_basin_and_nothing_is_joined_across() -> None:
    """A wall of NaN for |w₀| < 0.5 between low minima at ±1: but for the wall they would be one basin."""
    problem = surface(lambda w: 0.1 * (w[0].abs() - 1) ** 2 + w[1] ** 2 + 0 * (w[0].abs() - 0.5).sqrt(), (1.0, 0.0))
    land = survey(problem, axes(problem), (9, 3), ((-2.5, 0.5), (-0.5, 0.5)), overlays=("basin",))
    first = 1 + land.alpha.values
    labels = land["memory_basin"].values
    assert np.isnan(labels[np.abs(first) < 0.5]).all()
    assert (labels[first > 0.55] == 0.0).all()
    assert (labels[first < -0.55] == 1.0).all()


def test_an_infinite_loss_between_two_minima_is_a_barrier() -> None:
    problem = surface(lambda w: torch.where(w[0].abs() < 0.3, torch.inf, (w[0].abs() - 1) ** 2) + w[1] ** 2, (1.0, 0.0))
    land = survey(problem, axes(problem), (7, 1), ((-2.5, 0.5), (0.0, 0.0)), overlays=("basin",))
    labels, first = land["memory_basin"].values.ravel(), 1 + land.alpha.values
    assert np.isnan(labels[np.abs(first) < 0.3]).all()
    assert (labels[first > 0.3] == 0.0).all()
    assert (labels[first < -0.3] == 1.0).all()


def test_without_a_finite_loss_at_the_origin_no_basin_is_the_trained_networks() -> None:
    """θ₀ itself drains nowhere, so number 0 stays free."""
    problem = surface(lambda w: 0.1 * two_wells(w) + 0 * (w[0].abs() - 0.5).sqrt(), (1.0, 0.0))
    here = {"w": torch.zeros(2).double()}  # inside the wall
    plus = [{"w": torch.tensor(d).double()} for d in ([1.0, 0.0], [0.0, 1.0])]
    land = survey(problem, Plane.through(here, *plus), (5, 1), ((-1.2, 1.2), (0.0, 0.0)), overlays=("basin",))
    assert np.isnan(land["memory_basin"].values[2, 0])
    assert land["memory_basin"].values[[0, 1, 3, 4], 0].tolist() == [1.0, 1.0, 2.0, 2.0]


def test_a_network_that_overflows_at_the_origin_is_no_error() -> None:
    model = cases.initialised(cases.mlp((3, 5, 5, 5, 4)))
    problem = Problem(model, cases.normal(9, 3), cases.labels(9, classes=4))
    far = Plane.line({k: 1e100 * v for k, v in problem.parameters.items()}, model)
    land = survey(problem, far, (2, 1), ((0, 1), (0, 0)), overlays=("basin",))
    first, last = land["memory_basin"].values.ravel()
    assert np.isnan(first)
    assert last == 1.0


class Stopped(Exception):
    pass


@pytest.mark.parametrize("stop", [3, 14, 30, 41])
@pytest.mark.parametrize("threads", [1, 3])
def test_numbers_are_the_same_after_a_stop(
    stop: int, threads: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(course, "SECONDS_BETWEEN_WRITES", 0.0)  # so that it stops in the middle of a level
    problem = surface(lambda w: ((w**2 - 1) ** 2 + 0.3 * w).sum(), (0.96, 0.96))
    plane, span = axes(problem), ((-2.5, 0.6), (-2.5, 0.6))
    whole = survey(problem, plane, (5, 5), span, overlays=("basin",))

    def progress(made: int, planned: int) -> None:
        if made >= stop:
            raise Stopped

    torch.set_num_threads(threads)
    path = tmp_path / "land"
    with pytest.raises(Stopped):
        survey(problem, plane, (5, 5), span, overlays=("basin",), store=path, progress=progress)
    again = survey(problem, plane, (5, 5), span, overlays=("basin",), store=path)
    np.testing.assert_array_equal(again["memory_basin"].values, whole["memory_basin"].values)


def test_numbers_are_the_same_when_the_grid_is_filled_in_later(tmp_path: Path) -> None:
    problem = surface(lambda w: ((w**2 - 1) ** 2 + 0.3 * w).sum(), (0.96, 0.96))
    plane, span = axes(problem), ((-2.5, 0.6), (-2.5, 0.6))
    whole = survey(problem, plane, (9, 9), span, overlays=("basin",))
    path = tmp_path / "land"
    coarse = survey(problem, plane, (9, 9), span, overlays=("basin",), store=path, every=4)
    assert np.isnan(coarse["memory_basin"].values).any()
    filled = survey(problem, plane, (9, 9), span, overlays=("basin",), store=path)
    np.testing.assert_array_equal(filled["memory_basin"].values, whole["memory_basin"].values)


@pytest.mark.parametrize("name", ["classifier", "convolution", "tied tokens"])
def test_beside_the_trained_network_is_its_own_basin(name: str) -> None:
    problem = cases.CASES[name]()
    land = survey(problem, Plane.random(problem), (3, 3), ((-0.02, 0.02), (-0.02, 0.02)), overlays=("basin",))
    assert not land["memory_basin"].values.any()
