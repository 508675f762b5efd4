"""Spectra of small networks on the digits against the dense Hessian of torch.autograd.functional."""

from __future__ import annotations

import dataclasses

import cases
import numpy as np
import pytest
import torch
from lossnav.core import Problem
from lossnav.core.curvature.dense import dense_matrix
from lossnav.core.curvature.layers import layers_of
from lossnav.core.curvature.operators import Matrix, curvature
from lossnav.core.spectrum.coupling import coupling, exact_coupling
from lossnav.core.spectrum.density import Spectrum
from lossnav.core.spectrum.eigenvalues import deflated_trace, spectrum
from lossnav.core.spectrum.lanczos import extreme_eigenpairs
from lossnav.core.spectrum.probes import random_rows
from lossnav.core.spectrum.quadrature import lanczos_quadrature
from scipy import stats
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F


def trained(widths: tuple[int, ...], steps: int, n: int = 1510) -> Problem:
    data = load_digits()
    x, y = torch.tensor(data.data[:n]) / 16, torch.tensor(data.target[:n])
    model = cases.initialised(cases.mlp(widths, nn.Tanh))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    for _ in range(steps):
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()
    return Problem(model, x, y)


def dense_hessian(problem: Problem) -> Tensor:
    point = problem.parameters
    sizes = [v.numel() for v in point.values()]

    def loss(row: Tensor) -> Tensor:
        pieces = row.split(sizes)
        named = {k: p.reshape(v.shape) for (k, v), p in zip(point.items(), pieces, strict=True)}
        return F.cross_entropy(functional_call(problem.model, named, problem.args), problem.targets)

    found: Tensor = torch.autograd.functional.hessian(loss, torch.cat([v.flatten() for v in point.values()]))
    return found


def distance(a: Spectrum, b: Spectrum, width: float) -> float:
    """∫ |density a − density b|, between 0 and 2."""
    low, high = min(a.eigenvalues[0], b.eigenvalues[0]), max(a.eigenvalues[-1], b.eigenvalues[-1])
    grid = np.arange(low - 8 * width, high + 8 * width, width / 8)
    return float(np.abs(a.density(grid, width) - b.density(grid, width)).sum() * width / 8)


def test_all_eigenvalues_and_both_ends_are_the_dense_ones() -> None:
    problem = trained((64, 16, 10), 60)
    truth = torch.linalg.eigvalsh(dense_hessian(problem)).numpy()
    exact = spectrum(problem, method="auto")
    assert exact.method == "exact"
    assert exact.eigenvalues == pytest.approx(truth, abs=1e-10)
    iterated = spectrum(problem, method="slq", top=5, bottom=5, steps=2, probes=1)
    assert iterated.top == pytest.approx(truth[::-1][:5], rel=1e-4)
    assert iterated.bottom == pytest.approx(truth[:5], rel=1e-4)
    assert max(*iterated.residuals, *iterated.bottom_residuals) <= 1e-4 * (1 + 1e-6)


@pytest.fixture(scope="module")
def problem() -> Problem:
    return trained((64, 20, 10), 300)


@pytest.fixture(scope="module")
def exact(problem: Problem) -> Spectrum:
    torch.set_num_threads(1)
    return spectrum(problem)


@pytest.fixture(scope="module")
def matrix(problem: Problem) -> Matrix:
    torch.set_num_threads(1)
    return Matrix(dense_matrix(curvature(problem)))


@pytest.mark.parametrize("seed", [0, 1])
def test_quadrature_gives_the_exact_density(problem: Problem, exact: Spectrum, seed: int) -> None:
    found = spectrum(problem, method="slq", steps=80, probes=10, seed=seed)
    assert distance(found, exact, exact.default_width) <= 0.02
    assert found.default_width == pytest.approx(exact.default_width, rel=1e-6)
    unweighted = dataclasses.replace(found, weights=np.full(len(found.weights), 1 / len(found.weights)))
    assert distance(unweighted, exact, exact.default_width) > 1
    assert abs(found.trace - exact.trace) < 3 * found.trace_se
    assert found.outliers == exact.outliers
    assert found.flat_share() == pytest.approx(exact.flat_share(), abs=0.02)
    assert found.index == pytest.approx(exact.index, abs=0.15)  # most eigenvalues are too near 0 for 80 steps


@pytest.mark.parametrize("deflated", [True, False])
def test_trace_has_an_honest_standard_error(matrix: Matrix, exact: Spectrum, deflated: bool) -> None:
    pairs = extreme_eigenpairs(matrix, random_rows(matrix, 2, 99, "gaussian"), 5, 1)
    reach, held, errors = stats.t.ppf(0.975, 9), 0, []
    for seed in range(200):
        rows = random_rows(matrix, 10, seed)
        rule = lanczos_quadrature(matrix, rows, 1)
        found = deflated_trace(rule, rows, pairs) if deflated else rule.trace
        errors.append((found.value - exact.trace, found.standard_error))
        held += abs(found.value - exact.trace) <= reach * found.standard_error
    assert 0.90 <= held / 200 <= 0.98
    misses, claimed = np.array(errors).T
    assert abs(misses.mean()) < 3 * misses.std() / 200**0.5
    assert np.sqrt((claimed**2).mean()) == pytest.approx(misses.std(), rel=0.15)


@pytest.mark.parametrize("readout", ["offdiagonal", "interlayer"])
def test_coupling_is_that_of_the_dense_hessian(problem: Problem, matrix: Matrix, readout: str) -> None:
    layers = layers_of(curvature(problem).layout)
    truth = getattr(exact_coupling(matrix.values, layers), readout).value
    found = [getattr(coupling(matrix, layers, 8, seed), readout) for seed in range(200)]
    values, errors = np.array([e.value for e in found]), np.array([e.standard_error for e in found])
    assert abs(values.mean() - truth) < 3 * values.std() / 200**0.5
    assert np.sqrt((errors**2).mean()) == pytest.approx(values.std(), rel=0.4)
    assert np.mean(np.abs(values - truth) <= stats.t.ppf(0.975, 7) * errors) >= 0.88


@pytest.mark.parametrize("of", ["ggn", "empirical_fisher"])
def test_positive_matrices_have_no_negative_share(problem: Problem, of: str) -> None:
    estimated, whole = (spectrum(problem, of=of, method=method, steps=60, probes=4) for method in ("slq", "exact"))
    assert estimated.index == whole.index == 0.0
    assert estimated.top == pytest.approx(whole.top, rel=1e-6)
    assert estimated.trace == pytest.approx(whole.trace, abs=4 * estimated.trace_se)
