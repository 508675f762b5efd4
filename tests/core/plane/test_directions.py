"""Directions and their normalisation: the invariances of METHODS §1."""

from __future__ import annotations

import copy

import cases
import numpy as np
import pytest
import reference
import torch
from lossnav.core import Plane, Problem, survey
from lossnav.core.plane.directions import IGNORE_CHOICES, NORMALIZATIONS, gaussian_pair
from scipy import stats
from torch import Tensor, nn

GRID = {"shape": (4, 5), "span": ((-1, 1), (-0.7, 1.2))}


def surface(problem: Problem, **how: object) -> np.ndarray:
    return survey(problem, Plane.random(problem, seed=4, **how), **GRID)["loss"].values  # type: ignore[arg-type]


def rescaled(problem: Problem, factors: Tensor) -> Problem:
    """The same function: row i of the first layer times c_i, column i of the second over c_i."""
    model = copy.deepcopy(problem.model)
    with torch.no_grad():
        model[0].weight *= factors[:, None]
        model[0].bias *= factors
        model[2].weight /= factors
    return Problem(model, problem.inputs[0], problem.targets)


@pytest.mark.parametrize("case", ["classifier", "convolution", "tied tokens"])
def test_every_filter_has_the_length_of_its_weights(case: str) -> None:
    problem = cases.CASES[case]()
    for direction in Plane.random(problem, seed=1, normalize="filter").directions:
        for name, theta in problem.parameters.items():
            if theta.ndim <= 1:
                assert not direction[name].any()
                continue
            for d_f, theta_f in zip(direction[name], theta, strict=True):
                assert float(d_f.norm()) == pytest.approx(float(theta_f.norm()), rel=1e-9)


@pytest.mark.parametrize("ignore", IGNORE_CHOICES)
@pytest.mark.parametrize("how", [how for how in NORMALIZATIONS if how != "product"])
def test_normalisation_is_the_papers(how: str, ignore: str) -> None:
    problem = cases.convolution()
    plane = Plane.random(problem, seed=2, normalize=how, ignore=ignore)
    draws = gaussian_pair(problem.parameters, 2)
    for direction, draw in zip(plane.directions, draws, strict=True):
        expected = reference.normalized(draw, problem.parameters, how, ignore)
        assert reference.flat(direction).numpy() == pytest.approx(reference.flat(expected).numpy(), abs=1e-14)


def test_without_ignoring_a_bias_is_one_filter() -> None:
    problem = cases.classifier()
    d = Plane.random(problem, ignore=None).directions[0]
    assert float(d["0.bias"].norm()) == pytest.approx(float(problem.parameters["0.bias"].norm()), rel=1e-9)


@pytest.mark.parametrize("c", [0.1, 10.0, 100.0])
def test_layerwise_rescaling_leaves_the_filter_normalised_surface_alone(c: float) -> None:
    problem = cases.classifier()
    scaled = rescaled(problem, torch.full((5,), c, dtype=torch.float64))
    plain, moved = (surface(p, normalize="filter") for p in (problem, scaled))
    assert np.abs(plain - moved).max() <= 1e-10
    raw, raw_moved = (surface(p, normalize="none") for p in (problem, scaled))
    assert np.abs(raw - raw_moved).max() > 0.1 * np.ptp(raw)


def test_nodewise_rescaling_moves_the_filter_surface_and_leaves_the_weight_one() -> None:
    problem = cases.classifier()
    scaled = rescaled(problem, torch.tensor([0.1, 10.0, 3.0, 0.5, 1.0], dtype=torch.float64))
    at_centre = [float(reference.loss(p, p.parameters)) for p in (problem, scaled)]
    assert at_centre[0] == pytest.approx(at_centre[1], abs=1e-12)
    plain, moved = (surface(p, normalize="filter") for p in (problem, scaled))
    assert np.abs(plain - moved).max() > 0.05 * np.ptp(plain)
    plain, moved = (surface(p, normalize="weight") for p in (problem, scaled))
    assert np.abs(plain - moved).max() <= 1e-10


def test_orthogonal_is_made_before_normalising() -> None:
    problem = cases.classifier()
    raw = Plane.random(problem, seed=3, normalize="none", ignore=None, orthogonal=True)
    assert abs(raw.cosine) < 1e-14
    assert abs(Plane.random(problem, seed=3, normalize="none", ignore=None).cosine) > 1e-3
    plane = Plane.random(problem, seed=3, normalize="filter", ignore=None, orthogonal=True)
    expected = reference.normalized(raw.directions[1], problem.parameters, "filter", None)
    assert reference.flat(plane.directions[1]).numpy() == pytest.approx(reference.flat(expected).numpy(), abs=1e-14)


def test_draws_are_gaussian_and_independent() -> None:
    first, second = gaussian_pair({"a": torch.zeros(300, 200), "b": torch.zeros(40)}, seed=0)
    for draw in (first, second):
        numbers = reference.flat(draw).numpy()
        assert stats.kstest(numbers, "norm").pvalue > 1e-3
        assert stats.kurtosis(numbers) == pytest.approx(0.0, abs=0.1)  # −1.2 for uniform draws
    assert abs(np.corrcoef(first["a"].flatten(), second["a"].flatten())[0, 1]) < 5 / np.sqrt(60_000)


def test_a_seed_means_one_plane_in_every_precision() -> None:
    double, single = cases.classifier(dtype=torch.float64), cases.classifier(dtype=torch.float32)
    for d, s in zip(Plane.random(double, seed=9).directions, Plane.random(single, seed=9).directions, strict=True):
        assert s["0.weight"].dtype == torch.float32
        assert reference.flat(s).numpy() == pytest.approx(reference.flat(d).numpy(), rel=1e-5, abs=1e-6)


def test_seeds_differ_and_repeat() -> None:
    problem = cases.classifier()
    rows = [reference.flat(Plane.random(problem, seed=s).directions[0]) for s in (0, 0, 1)]
    assert torch.equal(rows[0], rows[1])
    assert not torch.allclose(rows[0], rows[2])


def test_expected_curvature_is_the_weighted_trace() -> None:
    """E[dᵀHd] = Σ_f (‖θ_f‖²/n_f) tr H_ff over filter-normalised draws."""
    problem = cases.smooth()
    H = reference.hessian(problem, problem.parameters)
    expected, start = 0.0, 0
    for theta in problem.parameters.values():
        rows = theta if theta.ndim > 1 else theta[:0, None]
        for f, theta_f in enumerate(rows):
            part = slice(start + f * theta_f.numel(), start + (f + 1) * theta_f.numel())
            expected += float(theta_f.square().sum() / theta_f.numel() * torch.diag(H)[part].sum())
        start += theta.numel()
    draws = [reference.flat(d) for s in range(600) for d in Plane.random(problem, seed=s).directions]
    curvatures = np.array([float(d @ H @ d) for d in draws])
    assert abs(curvatures.mean() - expected) < 4 * curvatures.std() / np.sqrt(len(curvatures))
    assert curvatures.std() / np.sqrt(len(curvatures)) < 0.1 * abs(expected)  # so that the line above can fail


def test_a_filter_of_zeros_stays_where_it_is() -> None:
    model = cases.initialised(nn.Linear(3, 4))
    with torch.no_grad():
        model.weight[2] = 0.0
    problem = Problem(model, cases.normal(5, 3), cases.labels(5, classes=4))
    d = Plane.random(problem).directions[0]["weight"]
    assert not d[2].any()
    assert d[1].any()
