"""Stochastic Lanczos quadrature on matrices whose spectrum is known."""

from __future__ import annotations

import cases
import numpy as np
import pytest
import torch
from lossnav.core import InputError
from lossnav.core.curvature.operators import Matrix
from lossnav.core.spectrum import quadrature
from lossnav.core.spectrum.moment_bounds import interval
from lossnav.core.spectrum.probes import random_rows
from lossnav.core.spectrum.quadrature import lanczos_quadrature
from scipy import stats
from torch import Tensor


def symmetric(values: list[float], seed: int = 0) -> Tensor:
    turn = torch.linalg.qr(cases.normal(len(values), len(values), seed=seed))[0]
    A = turn @ torch.diag(torch.tensor(values, dtype=torch.float64)) @ turn.T
    return (A + A.T) / 2


SPECTRA = {
    "mixed": [*np.linspace(-3, 2, 30).tolist(), 9.0, -7.0],
    "low rank": [5.0, 2.0, -1.0, *[0.0] * 30],
    "geometric": [2.0**-k for k in range(40)],
    "zero": [0.0] * 5,
    "constant": [3.0] * 7,
    "one": [4.0],
}


@pytest.mark.parametrize("spectrum", SPECTRA)
@pytest.mark.parametrize("steps", [1, 3, 8, 100])
@pytest.mark.parametrize("distribution", ["rademacher", "gaussian"])
def test_a_gauss_rule_of_k_points_has_the_first_2k_moments(spectrum: str, steps: int, distribution: str) -> None:
    """Σ w λ^j = vᵀAʲv / vᵀv for j < 2k, also where the run meets an invariant subspace and ends."""
    A = symmetric(SPECTRA[spectrum])
    starts = random_rows(Matrix(A), 4, 1, distribution)
    rule = lanczos_quadrature(Matrix(A), starts, steps)
    assert rule.weights.sum(1).numpy() == pytest.approx(np.ones(4), abs=1e-12)
    assert float(rule.weights.min()) >= 0
    units, scale = starts / starts.norm(dim=1, keepdim=True), max(map(abs, SPECTRA[spectrum])) or 1.0
    image = units
    for power in range(min(2 * steps, 12)):
        expected = (units * image).sum(1) / scale**power
        found = (rule.weights * (rule.nodes / scale) ** power).sum(1)
        assert found.numpy() == pytest.approx(expected.numpy(), abs=1e-9)
        image = image @ A


def test_as_many_steps_as_dimensions_are_exact() -> None:
    values = [float(k) for k in range(1, 21)]
    rule = lanczos_quadrature(Matrix(symmetric(values)), random_rows(Matrix(symmetric(values)), 3), 20)
    for nodes in rule.nodes:
        assert nodes.tolist() == pytest.approx(values, abs=1e-8)
    assert float(rule.misses.max()) < 1e-8


def test_a_probe_that_ends_early_leaves_the_others_alone() -> None:
    A = torch.diag(torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0]).double())
    short, long = torch.tensor([1.0, 1.0, 0.0, 0.0, 0.0]).double(), torch.ones(5).double()
    both = lanczos_quadrature(Matrix(A), torch.stack([short, long]), 5)
    assert both.nodes[0][both.weights[0] > 0].tolist() == pytest.approx([1.0, 2.0])
    assert both.nodes[1].tolist() == pytest.approx([1.0, 2.0, 3.0, 4.0, 5.0])
    assert both.weights.sum(1).tolist() == pytest.approx([1.0, 1.0])


def test_misses_are_those_of_the_ritz_vectors() -> None:
    """Some eigenvalue lies within the miss of every Ritz value."""
    values = SPECTRA["mixed"]
    rule = lanczos_quadrature(Matrix(symmetric(values)), random_rows(Matrix(symmetric(values)), 3), 6)
    away = (rule.nodes[..., None] - torch.tensor(values, dtype=torch.float64)).abs().min(-1).values
    assert bool((away <= rule.misses + 1e-10).all())
    assert float(rule.misses.max()) > 0.1
    largest, miss = rule.extreme()
    assert largest == float(rule.nodes.max())
    assert abs(largest - 9.0) <= miss + 1e-10


def test_grouped_probes_are_the_same_probes(monkeypatch: pytest.MonkeyPatch) -> None:
    A = Matrix(symmetric(SPECTRA["mixed"]))
    rows = random_rows(A, 5)
    together = lanczos_quadrature(A, rows, 7)
    monkeypatch.setattr(quadrature, "BASIS_NUMBERS", 7 * 32 * 2)
    apart = lanczos_quadrature(A, rows, 7)
    assert torch.allclose(together.nodes, apart.nodes, atol=1e-12)
    assert torch.allclose(together.weights, apart.weights, atol=1e-12)


def test_the_seed_decides() -> None:
    A = Matrix(symmetric(SPECTRA["mixed"]))
    first, again, other = (lanczos_quadrature(A, random_rows(A, 3, seed), 5) for seed in (1, 1, 2))
    assert torch.equal(first.nodes, again.nodes)
    assert not torch.equal(first.nodes, other.nodes)
    assert torch.equal(random_rows(A, 2, 7), random_rows(A, 5, 7)[:2])


def honest_share(A: Tensor, probes: int, seeds: int = 200) -> float:
    operator, truth = Matrix(A), float(A.trace())
    reach, held = stats.t.ppf(0.975, probes - 1), 0
    for seed in range(seeds):
        found = lanczos_quadrature(operator, random_rows(operator, probes, seed), 1).trace
        held += abs(found.value - truth) <= reach * found.standard_error
    return held / seeds


@pytest.mark.parametrize("probes", [5, 10, 30])
@pytest.mark.parametrize("spectrum", ["mixed", "bulk and outliers"])
def test_trace_has_an_honest_standard_error(spectrum: str, probes: int) -> None:
    values = SPECTRA["mixed"] if spectrum == "mixed" else [*(0.01 * k for k in range(200)), *range(10, 20)]
    assert 0.90 <= honest_share(symmetric([float(v) for v in values]), probes) <= 0.98


def test_shares_of_the_density() -> None:
    values = [*[0.0] * 300, *[1.0] * 100]
    A = Matrix(symmetric(values))
    found = lanczos_quadrature(A, random_rows(A, 20), 10).share(0.5, 1.5)
    assert abs(found.value - 0.25) < 3 * found.standard_error < 0.1


@pytest.mark.parametrize("level", [-1.0, 0.0, 0.7])
def test_share_below_a_level_lies_between_the_ritz_values(level: float) -> None:
    """A continuous spectrum, of which a few steps give a few points: half of a point's weight lies on each side."""
    values = np.linspace(-2, 2, 300)
    A = Matrix(symmetric(values.tolist()))
    for steps in (8, 9):
        found = lanczos_quadrature(A, random_rows(A, 20), steps).below(level)
        assert found.value == pytest.approx((values < level).mean(), abs=0.03)
    rule = lanczos_quadrature(A, random_rows(A, 20), 8)
    assert (rule.below(-3.0).value, rule.below(3.0).value) == pytest.approx((0.0, 1.0))


def test_an_eigenvalue_at_the_level_is_not_below_it() -> None:
    A = Matrix(symmetric([*[0.0] * 60, *[-1.0] * 20, *[1.0] * 20]))
    found = lanczos_quadrature(A, random_rows(A, 40), 10).below(0.0, slack=1e-10)
    assert abs(found.value - 0.2) < 3 * found.standard_error < 0.05


def test_bad_arguments_are_named() -> None:
    A = Matrix(torch.eye(3).double())
    with pytest.raises(InputError, match="steps"):
        lanczos_quadrature(A, torch.ones(1, 3).double(), 0)
    with pytest.raises(InputError, match="zero vector"):
        lanczos_quadrature(A, torch.zeros(1, 3).double(), 2)
    with pytest.raises(InputError, match="probes"):
        random_rows(A, 0)
    with pytest.raises(InputError, match="did you mean 'gaussian'"):
        random_rows(A, 1, distribution="gausian")


def measures(values: list[float], A: Tensor, starts: Tensor, level: float) -> Tensor:
    """The share of each start's measure with λ ≤ level, from every eigenvector of A."""
    eigenvalues, vectors = torch.linalg.eigh(A)
    inside = eigenvalues <= level + 1e-12 * max(map(abs, values))
    return ((starts.double() @ vectors).square() * inside).sum(1) / starts.double().square().sum(1)


@pytest.mark.parametrize("spectrum", SPECTRA)
@pytest.mark.parametrize("steps", [1, 3, 8, 100])
@pytest.mark.parametrize("level", [-5.0, 0.0, 0.3, 4.0])
def test_no_measure_leaves_its_bounds(spectrum: str, steps: int, level: float) -> None:
    """The share below a level lies within the bounds for every start, and the bounds close where the run has ended."""
    A = symmetric(SPECTRA[spectrum])
    starts = random_rows(Matrix(A), 5, 3, "gaussian")
    shift = 1e-6  # beside the eigenvalues themselves, which rounding puts on either side
    rule = lanczos_quadrature(Matrix(A), starts, steps)
    low, high = rule.bounds_below(level + shift)
    truth = measures(SPECTRA[spectrum], A, starts, level + shift)
    assert bool((low <= truth + 1e-9).all())
    assert bool((truth <= high + 1e-9).all())
    if steps == 100 and spectrum != "geometric":
        torch.testing.assert_close(low, high, rtol=0, atol=1e-9)


def test_a_share_between_two_levels_lies_within_the_bounds_of_both() -> None:
    A, values = symmetric(SPECTRA["mixed"]), SPECTRA["mixed"]
    starts = random_rows(Matrix(A), 5, 3, "gaussian")
    truth = measures(values, A, starts, 1.0) - measures(values, A, starts, -1.0)
    widths = []
    for steps in (3, 12, 25):
        low, high = lanczos_quadrature(Matrix(A), starts, steps).bounds_between(-1.0, 1.0)
        assert bool((low <= truth).all())
        assert bool((truth <= high).all())
        widths.append(float((high - low).mean()))
    assert widths == sorted(widths, reverse=True)


@pytest.mark.parametrize("kind", ["spread", "singular"])
def test_intervals_of_shares_hold_the_truth(kind: str) -> None:
    """The index and the flat share of spectra of 120 eigenvalues, few steps: in 95 % of 60 seeds or more, on no seed chosen."""
    spread = np.random.default_rng(0).normal(size=120) ** 3
    values = spread if kind == "spread" else np.where(np.arange(120) < 60, 0.0, spread)
    operator = Matrix(symmetric(values.tolist()))
    top = float(np.abs(values).max())
    truths = {"index": float((values < -1e-9).mean()), "flat": float((np.abs(values) <= 0.01 * top).mean())}
    held = dict.fromkeys(truths, 0)
    for seed in range(60):
        rule = lanczos_quadrature(operator, random_rows(operator, 4, seed, "rademacher"), 15)
        shares = {"index": rule.bounds_below(-1e-9), "flat": rule.bounds_between(-0.01 * top, 0.01 * top)}
        for name, bounds in shares.items():
            low, high = interval(*bounds)
            held[name] += low <= truths[name] <= high
    assert min(held.values()) >= 57
