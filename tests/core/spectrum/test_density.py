"""What is read off a spectrum, and how it is made from a problem."""

from __future__ import annotations

import copy
import dataclasses

import cases
import numpy as np
import pytest
import reference
import torch
from lossnav.core import Gaussian, InputError, Plane, Problem
from lossnav.core.curvature.operators import KINDS
from lossnav.core.spectrum.density import Spectrum
from lossnav.core.spectrum.eigenvalues import spectrum
from torch import nn


def of_values(values: list[float], top: int = 20) -> Spectrum:
    found = np.sort(np.array(values, dtype=float))
    count = len(found)
    return Spectrum(
        eigenvalues=found,
        weights=np.full(count, 1 / count),
        top=found[::-1][:top],
        residuals=np.zeros(min(top, count)),
        bottom=found[:1],
        bottom_residuals=np.zeros(1),
        trace=float(found.sum()),
        trace_se=0.0,
        method="exact",
        of="hessian",
        steps=0,
        probes=0,
        seed=0,
        parameter_count=count,
    )


def with_spectrum(values: list[float], seed: int = 0) -> Problem:
    """Linear regression whose Hessian XᵀX/n has the given eigenvalues, in turned directions."""
    turn = torch.linalg.qr(cases.normal(len(values), len(values), seed=seed))[0]
    X = torch.diag((len(values) * torch.tensor(values, dtype=torch.float64)).sqrt()) @ turn.T
    model = cases.initialised(nn.Linear(len(values), 1, bias=False), seed)
    return Problem(model, X, cases.normal(len(values), 1, seed=seed + 1), loss=Gaussian(1.0))


@pytest.mark.parametrize("width", [None, 0.3])
def test_density_is_the_sum_of_gaussians_and_integrates_to_one(width: float | None) -> None:
    found = of_values([-1.0, 0.0, 0.0, 4.0])
    std = found.default_width if width is None else width
    grid = np.linspace(-1 - 9 * std, 4 + 9 * std, 40_001)
    values = found.density(grid, width)
    assert values.sum() * (grid[1] - grid[0]) == pytest.approx(1.0, abs=1e-9)
    at_zero = (2 + np.exp(-0.5 / std**2) + np.exp(-8 / std**2)) / (4 * std * np.sqrt(2 * np.pi))
    assert found.density(np.array([0.0]), width)[0] == pytest.approx(at_zero)
    assert found.density(grid.reshape(1, -1), width).shape == (1, len(grid))


def test_default_width_is_that_of_the_papers() -> None:
    assert of_values([-1.0, 4.0]).default_width == pytest.approx(np.sqrt(1e-5 * 5))
    assert of_values([0.0, 0.1]).default_width == pytest.approx(np.sqrt(1e-5))


def test_width_must_be_positive() -> None:
    with pytest.raises(InputError, match="positive"):
        of_values([1.0, 2.0]).density(np.zeros(1), 0.0)


def test_outliers_lie_above_the_largest_gap() -> None:
    found = of_values([100.0, 80.0, 70.0, 2.0, 1.9, 1.5, *np.linspace(1.0, 1.4, 40)])
    assert found.outliers == 3
    assert float(found.bulk.max()) == 2.0
    assert of_values([5.0, 1.0, -3.0, -80.0]).outliers == 1
    assert of_values([5.0, -1.0]).outliers == 0
    assert len(of_values([5.0, -1.0]).bulk) == 2


def test_shares() -> None:
    found = of_values([-2.0, -0.001, 0.0, 0.001, 0.5, 10.0])
    assert found.flat_share() == pytest.approx(0.5)
    assert found.flat_share(0.06) == pytest.approx(4 / 6)
    assert found.convexity == pytest.approx(0.2)


@pytest.mark.parametrize("method", ["exact", "slq", "auto"])
def test_a_quadratic_with_a_chosen_spectrum(method: str) -> None:
    values = [9.0, 7.0, 4.0, *np.linspace(0.1, 1.0, 30).tolist()]
    found = spectrum(with_spectrum(values), top=3, bottom=2, method=method)
    assert found.top.tolist() == pytest.approx([9.0, 7.0, 4.0], rel=1e-8)
    assert found.bottom.tolist() == pytest.approx(sorted(values)[:2], rel=1e-6)
    assert max(*found.residuals, *found.bottom_residuals) <= 1e-4
    assert found.weights.sum() == pytest.approx(1.0, abs=1e-12)
    assert abs(found.trace - sum(values)) <= max(4 * found.trace_se, 1e-9)
    assert found.outliers == 2 if method != "slq" else found.outliers in (1, 2)
    assert found.index == 0.0
    assert found.method == ("slq" if method == "slq" else "exact")
    assert found.parameter_count == 33
    assert (found.trace_se == 0) == (found.method == "exact")


@pytest.mark.parametrize("of", KINDS)
@pytest.mark.parametrize("case", ["smooth", "convolution", "tied tokens"])
def test_every_parameter_has_one_eigenvalue(case: str, of: str) -> None:
    problem = cases.CASES[case]()
    exact = spectrum(problem, of=of)
    assert len(exact.eigenvalues) == problem.parameter_count
    estimated = spectrum(problem, of=of, method="slq", probes=5, steps=500, bottom=2)
    assert estimated.steps == problem.parameter_count
    scale = np.abs(exact.eigenvalues).max()
    assert estimated.top.tolist() == pytest.approx(exact.top.tolist(), abs=1e-6 * scale)
    assert estimated.bottom.tolist() == pytest.approx(exact.eigenvalues[:2].tolist(), abs=1e-6 * scale)
    grid = np.linspace(-2 * scale, 2 * scale, 2001)
    width = 0.2 * scale  # as many steps as dimensions: only the probes' noise is left
    gap = np.abs(estimated.density(grid, width) - exact.density(grid, width)).sum() * (grid[1] - grid[0])
    assert gap < 0.3


def test_exact_spectrum_is_the_reference() -> None:
    problem = cases.smooth(3)
    expected = torch.linalg.eigvalsh(reference.hessian(problem, problem.parameters)).numpy()
    found = spectrum(problem)
    assert found.eigenvalues == pytest.approx(expected, abs=1e-12)
    assert found.index == pytest.approx((expected < -1e-12).mean())  # a shift of all logits bends nothing: exact zeros
    assert found.trace == pytest.approx(expected.sum())


@pytest.mark.parametrize("method", ["exact", "slq"])
def test_zeros_are_not_negative(method: str) -> None:
    """Two thirds of the eigenvalues are zero; rounding gives them a sign that means nothing."""
    values = [3.0, 2.0, *np.linspace(0.5, 1.0, 18).tolist(), *[0.0] * 40]
    found = spectrum(with_spectrum(values), method=method)
    assert found.index == 0.0
    assert found.flat_share(1e-6) == pytest.approx(40 / 60, abs=0.1)


@pytest.mark.parametrize("distribution", ["rademacher", "gaussian"])
def test_single_precision_and_either_kind_of_probe(distribution: str) -> None:
    truth = spectrum(cases.classifier(3))
    single = cases.classifier(3, dtype=torch.float32)
    found = spectrum(single, method="slq", steps=20, distribution=distribution)
    assert found.top == pytest.approx(truth.top, rel=1e-4)
    assert found.residuals.max() < 1e-4
    assert abs(found.trace - truth.trace) < 4 * found.trace_se
    assert spectrum(single).eigenvalues == pytest.approx(truth.eigenvalues, abs=1e-6 * truth.top[0])
    assert spectrum(single, dtype=torch.float64).eigenvalues == pytest.approx(truth.eigenvalues, abs=1e-6)


def test_at_another_point_it_is_another_spectrum() -> None:
    problem = cases.smooth(3)
    there = {k: v + 0.5 for k, v in problem.parameters.items()}
    expected = torch.linalg.eigvalsh(reference.hessian(problem, there)).numpy()
    assert spectrum(problem, at=there).eigenvalues == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("method", ["exact", "slq"])
def test_statistics_are_those_of_the_point_where_they_are_to_be_recomputed(method: str) -> None:
    problem = cases.convolution("recalibrate")
    there = Plane.random(problem, normalize="none").at(1.0, 1.0)
    model = copy.deepcopy(problem.model)
    model.load_state_dict(there, strict=False)
    data = problem.args[0]
    with torch.no_grad():
        model = reference.recalibrated(model, data)
    expected = spectrum(Problem(model, data, problem.targets))
    assert spectrum(problem, there, method=method).top == pytest.approx(expected.top, rel=1e-6)
    assert spectrum(cases.convolution(), there).top != pytest.approx(expected.top, rel=0.1)


def test_the_seed_decides() -> None:
    first, again, other = (spectrum(cases.smooth(3), method="slq", steps=5, seed=s) for s in (1, 1, 2))
    for field in dataclasses.fields(Spectrum):
        assert np.array_equal(getattr(first, field.name), getattr(again, field.name))
    assert first.trace != other.trace
    assert first.top == pytest.approx(other.top, rel=1e-6)


def test_bad_arguments_are_named() -> None:
    problem = cases.smooth(3)
    with pytest.raises(InputError, match="did you mean 'exact'"):
        spectrum(problem, method="exakt")
    with pytest.raises(InputError, match="did you mean 'hessian'"):
        spectrum(problem, of="hesse")
    for name in ("top", "bottom", "steps", "probes"):
        with pytest.raises(InputError, match=name):
            spectrum(problem, **{name: 0})


def test_more_ends_than_eigenvalues_are_all_of_them() -> None:
    found = spectrum(cases.linear(1), top=9, bottom=9, method="slq")
    assert len(found.top) == len(found.bottom) == 3
    assert found.top[::-1] == pytest.approx(found.bottom)
