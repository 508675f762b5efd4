"""How far the loss can rise near a minimum, against brute force and closed forms: rounding noise decides nothing."""

from __future__ import annotations

import cases
import numpy as np
import pytest
import reference
import torch
from lossnav.core import Estimation, Plane, Problem, survey
from torch import nn

HERE = ((0.0, 0.0), (0.0, 0.0))


def at_minimum(seed: int, inputs: int = 9, outputs: int = 1) -> Problem:
    """Least squares with correlated inputs, solved: the gradient that is left is rounding."""
    x = cases.normal(3 * inputs, inputs, seed=seed) @ cases.normal(inputs, inputs, seed=seed + 100)
    y = cases.normal(3 * inputs, outputs, seed=seed + 200)
    model = nn.Linear(inputs, outputs, bias=False).double()
    with torch.no_grad():
        model.weight.copy_(torch.linalg.lstsq(x, y).solution.T)
    return Problem(model, x, y, loss="mse")


def shown(problem: Problem, variable: str, **settings: float) -> float:
    land = survey(
        problem,
        Plane.random(problem),
        (1, 1),
        HERE,
        overlays=(variable,),
        effort=Estimation(examples=None, coordinates="parameters", **settings),  # type: ignore[arg-type]
    )
    return float(land[variable].item())


@pytest.mark.parametrize(("inputs", "outputs"), [(9, 1), (4, 2)])
def test_keskar_at_a_minimum_comes_near_to_the_highest_corner(inputs: int, outputs: int) -> None:
    shares = []
    for seed in range(8):
        problem = at_minimum(seed, inputs, outputs)
        start, point = float(reference.loss(problem, problem.parameters)), problem.parameters
        highest = 100 * (reference.box_maximum(problem, point, 1e-3) - start) / (1 + start)
        shares.append(shown(problem, "viscosity_keskar") / highest)
    assert max(shares) <= 1 + 1e-6
    assert min(shares) >= 0.95


@pytest.mark.parametrize("seed", range(4))
def test_sam_at_a_minimum_is_that_of_the_leading_eigenvector(seed: int) -> None:
    problem = at_minimum(seed)
    x = problem.args[0]
    highest = torch.linalg.eigvalsh(2 * x.T @ x / len(x))[-1].item() / 2 * 0.05**2
    found = shown(problem, "viscosity_sam")
    assert 0.95 * highest < found <= highest * (1 + 1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_sam_turned_on_few_examples_is_still_the_rise_over_all(seed: int) -> None:
    problem = at_minimum(seed)
    x = problem.args[0]
    highest = torch.linalg.eigvalsh(2 * x.T @ x / len(x))[-1].item() / 2 * 0.05**2
    land = survey(
        problem,
        Plane.random(problem),
        (1, 1),
        HERE,
        overlays=("viscosity_sam",),
        effort=Estimation(examples=9, coordinates="parameters"),
    )
    assert 0.95 * highest < float(land.viscosity_sam.item()) <= highest * (1 + 1e-9)


def test_the_start_does_not_follow_the_rounding() -> None:
    """The same minimum with the examples in another order has another rounding, and the same numbers."""
    problem = at_minimum(1)
    order = torch.randperm(problem.example_count, generator=torch.Generator().manual_seed(0))
    turned = Problem(problem.model, problem.args[0][order], problem.targets[order], loss="mse")
    for variable, reach in (("viscosity_keskar", 1e-6), ("viscosity_sam", 0.03)):
        both = [shown(each, variable) for each in (problem, turned)]
        assert both[0] == pytest.approx(both[1], rel=reach)
    assert np.isfinite(both).all()
