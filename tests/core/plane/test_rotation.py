"""Planes turned towards a third direction, and planes around a checkpoint."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from lossnav.core import InputError, Plane, Problem, Trajectory, survey
from lossnav.core.parameters.vectors import dot, norm
from lossnav.core.plane.identity import plane_recipe
from lossnav.core.plane.rotation import third_direction, third_draw
from lossnav.core.problem.at_checkpoint import at_checkpoint
from torch import nn

NORMALIZATIONS = ["filter", "layer", "weight", "none"]


@pytest.fixture
def problem() -> Problem:
    torch.manual_seed(3)
    model = nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.Tanh(), nn.Linear(6, 3)).double()
    for parameter in model.parameters():
        nn.init.normal_(parameter)
    start = {k: v.detach().clone() for k, v in model.named_parameters()}
    path = [{k: v + 0.1 * (5 - t) * torch.randn_like(v) for k, v in start.items()} for t in range(5)]
    inputs = torch.randn(20, 4).double()
    return Problem(model, inputs, torch.arange(20) % 3, trajectory=Trajectory([*path, start]))


def flat(vector) -> torch.Tensor:
    return torch.cat([v.flatten() for v in vector.values()])


@pytest.mark.parametrize("how", NORMALIZATIONS)
def test_a_turned_direction_is_the_mixture_of_second_and_third(problem: Problem, how: str) -> None:
    plane = Plane.random(problem, seed=4, normalize=how, ignore=None)
    third = third_direction(plane)
    turned = plane.turned(30.0)
    mixed = math.cos(math.pi / 6) * flat(plane.directions[1]) + 0.5 * flat(third)
    if how in ("weight", "none"):
        torch.testing.assert_close(flat(turned.directions[1]), mixed)
    for name, d in turned.directions[1].items():
        mixture = math.cos(math.pi / 6) * plane.directions[1][name] + 0.5 * third[name]
        rows = range(len(d)) if how == "filter" and d.ndim > 1 else [slice(None)]
        for row in rows:  # each filter, or each tensor, points where the mixture does
            cosine = (d[row] * mixture[row]).sum() / (d[row].norm() * mixture[row].norm())
            assert float(cosine) == pytest.approx(1.0)
    assert torch.equal(flat(turned.directions[0]), flat(plane.directions[0]))
    assert torch.equal(flat(turned.origin), flat(plane.origin))


def test_each_filter_keeps_the_length_of_the_networks_own(problem: Problem) -> None:
    turned = Plane.random(problem, seed=1, ignore="biasbn").turned(-50.0)
    for name, theta in problem.parameters.items():
        d = turned.directions[1][name]
        lengths = theta.flatten(1).norm(dim=1) if theta.ndim > 1 else torch.zeros(1)
        torch.testing.assert_close(
            d.flatten(1).norm(dim=1) if d.ndim > 1 else d.norm()[None], lengths, check_dtype=False
        )


def test_a_quarter_turn_is_the_third_direction(problem: Problem) -> None:
    plane = Plane.random(problem, seed=2)
    torch.testing.assert_close(flat(plane.turned(90.0).directions[1]), flat(third_direction(plane)))
    torch.testing.assert_close(flat(plane.turned(180.0).directions[1]), -flat(plane.directions[1]))


def test_the_third_draw_follows_the_pair(problem: Problem) -> None:
    from lossnav.core.plane.directions import gaussian_pair

    first, second = gaussian_pair(problem.parameters, 9)
    third = third_draw(problem.parameters, 9)
    generator = torch.Generator().manual_seed(9)
    for drawn in (first, second, third):
        for value in drawn.values():
            assert torch.equal(value, torch.randn(value.shape, generator=generator, dtype=torch.float64))


@pytest.mark.parametrize("kind", ["trajectory", "eigen", "gradient"])
def test_other_planes_turn_to_a_right_angle_and_keep_their_length(problem: Problem, kind: str) -> None:
    plane = getattr(Plane, kind)(problem)
    third = third_direction(plane)
    for d in plane.directions:
        assert dot(third, d) == pytest.approx(0.0, abs=1e-9 * norm(third) * norm(d))
    turned = plane.turned(70.0)
    assert norm(turned.directions[1]) == pytest.approx(norm(plane.directions[1]))
    cosine = dot(turned.directions[1], plane.directions[1]) / norm(plane.directions[1]) ** 2
    assert cosine == pytest.approx(math.cos(math.radians(70)))
    assert turned.explained is None


def test_an_orthogonal_plane_stays_one_before_normalising(problem: Problem) -> None:
    plane = Plane.random(problem, seed=3, normalize="none", ignore=None, orthogonal=True).turned(40.0)
    assert plane.cosine == pytest.approx(0.0, abs=1e-12)


def test_a_direction_can_be_given(problem: Problem) -> None:
    plane = Plane.random(problem, normalize="none", ignore=None)
    third = {k: torch.ones_like(v) for k, v in problem.parameters.items()}
    turned = plane.turned(90.0, third)
    torch.testing.assert_close(flat(turned.directions[1]), flat(third))
    assert turned.details["third"] == plane.turned(40.0, third).details["third"]


def test_a_recipe_tells_given_directions_apart(problem: Problem) -> None:
    plane = Plane.eigen(problem)  # whose own bytes do not count
    thirds = [{k: torch.randn_like(v) for k, v in problem.parameters.items()} for _ in range(2)]
    recipes = [plane_recipe(plane.turned(30.0, third)) for third in thirds]
    assert recipes[0] != recipes[1]
    assert plane_recipe(plane.turned(30.0, thirds[0])) == recipes[0]


def test_no_angle_changes_nothing_and_a_recipe_tells_angles_apart(problem: Problem) -> None:
    plane = Plane.eigen(problem)
    assert plane.turned(0.0) is plane
    recipes = [plane_recipe(p) for p in (plane, plane.turned(20.0), plane.turned(40.0))]
    assert recipes[0] != recipes[1] != recipes[2]
    assert plane_recipe(Plane.eigen(problem).turned(20.0)) == recipes[1]


def test_what_cannot_be_turned_is_refused(problem: Problem) -> None:
    line = Plane.line(problem.trajectory.at(0), problem)
    with pytest.raises(InputError, match="no second direction"):
        line.turned(10.0)
    with pytest.raises(InputError, match="finite number of degrees"):
        Plane.random(problem).turned(math.nan)
    with pytest.raises(InputError, match="third direction"):
        Plane.random(problem).turned(10.0, {"other": torch.ones(2)})
    with pytest.raises(
        InputError, match="turned by 20° already"
    ):  # by 20° twice is not by 40° where filters are scaled
        Plane.random(problem).turned(20.0).turned(20.0)
    drawn = Plane.random(problem, held=False)
    assert drawn.turned(0.0) is drawn
    with pytest.raises(InputError, match="has to be held"):
        drawn.turned(10.0)


@pytest.mark.parametrize("how", NORMALIZATIONS)
def test_an_angle_at_which_the_second_direction_vanishes_is_refused(problem: Problem, how: str) -> None:
    plane = Plane.random(problem, normalize=how)
    with pytest.raises(InputError, match="second direction vanishes"):
        plane.turned(45.0, {k: -v for k, v in plane.directions[1].items()})


def test_a_plane_around_a_checkpoint_has_its_loss_at_the_centre(problem: Problem) -> None:
    there = at_checkpoint(problem, 1)
    plane = Plane.random(there, seed=0)
    for name, value in problem.trajectory.at(1).items():
        assert torch.equal(plane.origin[name], value)
    moved = Problem(there.model, problem.args[0], problem.targets)
    expected = survey(moved, Plane.random(moved), (1, 1), ((0, 0), (0, 0)))["loss"].item()
    assert survey(problem, plane, (1, 1), ((0, 0), (0, 0)))["loss"].item() == pytest.approx(expected, rel=1e-12)
    for name, theta in problem.trajectory.at(1).items():  # filters have the lengths of that checkpoint's own
        if theta.ndim > 1:
            torch.testing.assert_close(plane.directions[0][name].flatten(1).norm(dim=1), theta.flatten(1).norm(dim=1))


def test_the_problem_itself_is_not_moved(problem: Problem) -> None:
    before = flat(problem.parameters).clone()
    there = at_checkpoint(problem, 0)
    assert list(there.parameters) == list(problem.parameters)
    assert torch.equal(flat(problem.parameters), before)
    for index in (-1, 6):
        with pytest.raises(InputError, match="from 0 to 5"):
            at_checkpoint(problem, index)
    without = Problem(problem.model, problem.args[0], problem.targets)
    with pytest.raises(InputError, match="no training trajectory"):
        at_checkpoint(without, 0)


def test_a_path_is_projected_as_its_points_are(problem: Problem) -> None:
    plane = Plane.random(problem, seed=6, ignore=None).turned(25.0)
    one_by_one = np.array([plane.project(point) for point in problem.trajectory])
    np.testing.assert_allclose(plane.project_path(problem.trajectory), one_by_one, rtol=1e-12, atol=1e-12)
