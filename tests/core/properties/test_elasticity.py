"""Elasticity: penalties against sums over parameters, forces against finite differences, Fisher against loops."""

from __future__ import annotations

import cases
import numpy as np
import pytest
import reference
import torch
from lossnav.core import Anchor, Gaussian, InputError, Plane, Problem, Settings, survey
from lossnav.core.curvature import fisher
from lossnav.core.curvature.fisher import fisher_diagonal
from lossnav.core.properties.elasticity import own_anchor
from lossnav.core.survey.reading import read_landscape
from scipy import stats
from torch import nn

SPAN = ((-1.0, 1.0), (-0.5, 1.5))


@pytest.fixture
def surveyed(tmp_path: object) -> tuple[Problem, Plane, str]:
    problem = cases.with_anchor()
    plane = Plane.random(problem, seed=6)
    survey(problem, plane, (4, 3), SPAN, overlays=("elasticity",), store=f"{tmp_path}/land")
    return problem, plane, f"{tmp_path}/land"


@pytest.mark.parametrize("strength", [None, 0.0, 0.3, 250.0])
def test_penalties_are_sums_over_the_parameters(surveyed: tuple[Problem, Plane, str], strength: float | None) -> None:
    problem, plane, path = surveyed
    anchor = problem.anchor
    assert anchor is not None
    land = read_landscape(path, Settings(strength=strength))
    scale = anchor.strength if strength is None else strength
    for i, alpha in enumerate(land.alpha.values):
        for j, beta in enumerate(land.beta.values):
            point = plane.at(alpha, beta)
            ewc = scale * reference.penalty(point, anchor.parameters, anchor.fisher)
            assert float(land["elasticity"][i, j]) == pytest.approx(ewc, rel=1e-10)
            l2 = scale * sum(float(v.square().sum()) for v in point.values())
            assert float(land["elasticity_l2"][i, j]) == pytest.approx(l2, rel=1e-10)
            total = float(reference.loss(problem, point)) + ewc
            assert float(land["elasticity_total"][i, j]) == pytest.approx(total, rel=1e-10)


@pytest.mark.parametrize("strength", [None, 3.0])
def test_force_is_minus_the_slope_of_the_penalty(surveyed: tuple[Problem, Plane, str], strength: float | None) -> None:
    problem, plane, path = surveyed
    anchor = problem.anchor
    assert anchor is not None
    land = read_landscape(path, Settings(strength=strength))
    scale = anchor.strength if strength is None else strength

    def ewc(alpha: float, beta: float) -> float:
        return scale * reference.penalty(plane.at(alpha, beta), anchor.parameters, anchor.fisher)

    h = 1e-4
    for i, alpha in enumerate(land.alpha.values):
        for j, beta in enumerate(land.beta.values):
            along = -(ewc(alpha + h, beta) - ewc(alpha - h, beta)) / (2 * h)
            across = -(ewc(alpha, beta + h) - ewc(alpha, beta - h)) / (2 * h)
            assert float(land["elasticity_force_alpha"][i, j]) == pytest.approx(along, rel=1e-6, abs=1e-7)
            assert float(land["elasticity_force_beta"][i, j]) == pytest.approx(across, rel=1e-6, abs=1e-7)


def test_at_the_anchor_there_is_neither_penalty_nor_force() -> None:
    problem = cases.classifier()
    land = survey(problem, Plane.random(problem), (3, 3), overlays=("elasticity",))
    assert float(land["elasticity"][1, 1]) == 0.0
    assert float(land["elasticity_force_alpha"][1, 1]) == 0.0
    assert (np.delete(land["elasticity"].values.ravel(), 4) > 0).all()


def test_without_an_earlier_task_the_network_is_its_own_anchor() -> None:
    problem = cases.classifier()
    plane = Plane.random(problem)
    anchor = own_anchor(problem)
    assert anchor.strength == 1.0
    land = survey(problem, plane, (2, 2), SPAN, overlays=("elasticity",))
    expected = reference.penalty(plane.at(1.0, 1.5), anchor.parameters, fisher_diagonal(problem))
    assert float(land["elasticity"][1, 1]) == pytest.approx(expected, rel=1e-10)


def test_a_stronger_anchor_is_another_landscape(tmp_path: object) -> None:
    weak, strong = cases.with_anchor(strength=1.0), cases.with_anchor(strength=2.0)
    survey(weak, Plane.random(weak), (2, 2), overlays=("elasticity",), store=f"{tmp_path}/land")
    with pytest.raises(InputError, match="another landscape"):
        survey(strong, Plane.random(strong), (2, 2), overlays=("elasticity",), store=f"{tmp_path}/land")


@pytest.mark.parametrize("case", ["classifier", "tied tokens", "soft labels", "recurrent"])
def test_true_fisher_is_the_expectation_over_the_models_own_labels(case: str) -> None:
    problem = cases.CASES[case]()
    expected = reference.true_fisher(problem, problem.parameters).numpy()
    assert reference.flat(fisher_diagonal(problem)).numpy() == pytest.approx(expected, rel=1e-9, abs=1e-14)


def test_true_fisher_of_a_gaussian_is_that_of_least_squares() -> None:
    """F = (1/N) Σ_n Jᵀ_n J_n / σ², whatever the targets."""
    x = cases.normal(40, 3)
    problem = Problem(cases.initialised(nn.Linear(3, 2)), x, cases.normal(40, 2, seed=1), loss=Gaussian(0.5))
    squares = x.square().mean(0).numpy() / 0.25
    expected = np.concatenate([squares, squares, [4.0, 4.0]])
    assert reference.flat(fisher_diagonal(problem)).numpy() == pytest.approx(expected, rel=1e-12)


def test_penalties_of_an_estimated_fisher_have_a_standard_error(monkeypatch: pytest.MonkeyPatch) -> None:
    exact = survey(many_classes(), Plane.random(many_classes()), (2, 2), SPAN, overlays=("elasticity", "pull"))
    assert "elasticity_se" not in exact
    monkeypatch.setattr(fisher, "MOST_EXACT_OUTPUTS", 3)
    estimated = survey(many_classes(), Plane.random(many_classes()), (2, 2), SPAN, overlays=("elasticity", "pull"))
    reach = stats.t.ppf(0.999, fisher.GROUPS - 1)
    for name in ("elasticity", "elasticity_total", "elasticity_force_alpha", "elasticity_force_beta"):
        error = estimated[f"{name}_se"].values
        assert (error > 0).all()
        assert (np.abs(estimated[name] - exact[name]).values <= reach * error).all(), name
    assert (estimated["elasticity_se"] < 0.3 * estimated["elasticity"]).all()
    finite = np.isfinite(exact["elasticity_pull"].values)
    misses = np.abs(estimated["elasticity_pull"] - exact["elasticity_pull"]).values
    assert (misses[finite] <= reach * estimated["elasticity_pull_se"].values[finite]).all()


def many_classes() -> Problem:
    model = cases.initialised(nn.Sequential(nn.Linear(3, 6), nn.Tanh(), nn.Linear(6, 5)))
    return Problem(model, cases.normal(60, 3), cases.labels(60, classes=5))


@pytest.mark.parametrize(
    "case",
    ["classifier", "tied tokens", "soft labels", "regression", "custom", "convolution", "attention", "recurrent"],
)
def test_empirical_fisher_is_the_mean_of_squared_example_gradients(case: str) -> None:
    problem = cases.CASES[case]()
    found = reference.flat(fisher_diagonal(problem, kind="empirical"))
    expected = reference.empirical_fisher(problem, problem.parameters)
    assert found.numpy() == pytest.approx(expected.numpy(), rel=1e-8, abs=1e-14)


def test_fisher_at_another_point() -> None:
    problem = cases.classifier()
    point = Plane.random(problem).at(0.5, 0.5)
    found = reference.flat(fisher_diagonal(problem, at=point, kind="empirical"))
    assert found.numpy() == pytest.approx(reference.empirical_fisher(problem, point).numpy(), rel=1e-8, abs=1e-14)


def test_fisher_is_never_the_square_of_the_mean_gradient() -> None:
    problem = cases.classifier()
    wrong = reference.gradient(problem, problem.parameters).square()
    assert float(reference.flat(fisher_diagonal(problem, kind="empirical")).sum()) > 2 * float(wrong.sum())


def test_recalibrated_statistics_are_those_of_the_point_in_the_fisher() -> None:
    moving = cases.convolution("recalibrate")
    with torch.no_grad():
        moving.model[1].running_var *= 4  # far from the data's
        own = Problem(reference.recalibrated(moving.model, moving.inputs[0]), *moving.inputs, moving.targets)
    for kind in ("true", "empirical"):
        found, expected = (reference.flat(fisher_diagonal(problem, kind=kind)) for problem in (moving, own))
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-12)


def test_an_anchor_is_checked() -> None:
    problem = cases.classifier()
    point = problem.parameters
    ones = {k: torch.ones_like(v) for k, v in point.items()}
    with pytest.raises(InputError, match="negative"):
        Anchor(point, {k: -v for k, v in ones.items()})
    with pytest.raises(InputError, match="strength"):
        Anchor(point, ones, -1.0)
    with pytest.raises(InputError, match="Fisher"):
        Anchor(point, {k: v for k, v in ones.items() if k != "0.bias"})
    with pytest.raises(InputError, match="finite"):
        Anchor({k: v * torch.nan for k, v in point.items()}, ones)
