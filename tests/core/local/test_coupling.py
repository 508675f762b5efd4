"""Coupling at points of a plane, through surveys, against whole matrices entry by entry."""

from __future__ import annotations

from collections.abc import Callable

import cases
import numpy as np
import pytest
import reference
import torch
from lossnav.core import Plane, Problem, survey
from lossnav.core.curvature.layers import Layers
from lossnav.core.curvature.operators import Matrix
from lossnav.core.local.estimation import Estimation
from lossnav.core.spectrum.coupling import LowRank, interlayer, layer_signs, offdiagonal
from lossnav.core.spectrum.probes import random_rows
from lossnav.core.spectrum.quadrature import block_space
from scipy import stats
from torch import Tensor, nn

SPAN = ((-0.6, 0.7), (-0.4, 0.5))
HERE = ((0.4, 0.4), (-0.3, -0.3))
EXACT = Estimation(coordinates="parameters", probes=24, steps=24, examples=None)
NAMES = ("classifier", "smooth", "convolution", "tied tokens", "soft labels", "gaussian", "recurrent", "frozen")


def wide(widths: tuple[int, ...], seed: int = 0, n: int = 24) -> Problem:
    model = cases.initialised(cases.mlp(widths, nn.Tanh), seed)
    return Problem(model, cases.normal(n, widths[0], seed=seed), cases.labels(n, classes=widths[-1], seed=seed))


@pytest.mark.parametrize("name", NAMES)
def test_with_as_many_products_as_parameters_both_shares_are_exact(name: str) -> None:
    problem = cases.CASES[name]()
    plane, owners = Plane.random(problem, seed=3), reference.parameter_owners(problem)
    shape = (2, 2) if problem.parameter_count < 100 else (2, 1)
    land = survey(problem, plane, shape, SPAN, overlays=("coupling",), effort=EXACT)
    for place, point in reference.places(land, plane):
        truth = reference.shares(reference.hessian(problem, point), owners)
        found = float(land["coupling_offdiagonal"][place]), float(land["coupling_interlayer"][place])
        assert found == pytest.approx(truth, abs=1e-8)
        assert float(land["coupling_offdiagonal_se"][place]) == float(land["coupling_interlayer_se"][place]) == 0.0


@pytest.mark.parametrize("of", ["ggn", "fisher"])
@pytest.mark.parametrize("name", ["smooth", "tied tokens", "soft labels"])
def test_of_another_matrix(name: str, of: str) -> None:
    problem = cases.CASES[name]()
    plane, owners = Plane.random(problem, seed=3), reference.parameter_owners(problem)
    effort = Estimation(coordinates="parameters", probes=24, steps=24, examples=None, of=of)
    land = survey(problem, plane, (2, 1), SPAN, overlays=("coupling",), effort=effort)
    for place, point in reference.places(land, plane):
        truth = reference.shares(reference.fisher_matrix(problem, point), owners)
        found = float(land["coupling_offdiagonal"][place]), float(land["coupling_interlayer"][place])
        assert found == pytest.approx(truth, abs=1e-8)


def test_empirical_fisher_is_made_of_the_predictions_gradients() -> None:
    problem = cases.CASES["tied tokens"]()
    plane, owners = Plane.random(problem, seed=3), reference.parameter_owners(problem)
    effort = Estimation(coordinates="parameters", probes=24, steps=24, examples=None, of="empirical_fisher")
    land = survey(problem, plane, (2, 1), SPAN, overlays=("coupling",), effort=effort)
    for place, point in reference.places(land, plane):
        rows = reference.prediction_gradients(problem, point)
        truth = reference.shares(rows.T @ rows / len(rows), owners)
        assert float(land["coupling_offdiagonal"][place]) == pytest.approx(truth[0], abs=1e-8)
        assert float(land["coupling_interlayer"][place]) == pytest.approx(truth[1], abs=1e-8)


def covered(values: np.ndarray, errors: np.ndarray, truth: float, freedom: int) -> float:
    """How often |value − truth| lies within the 95 % reach of a Student distribution."""
    return float((np.abs(values - truth) <= stats.t.ppf(0.975, freedom) * errors).mean())


@pytest.mark.slow
@pytest.mark.parametrize(("widths", "of"), [((6, 10, 5), "hessian"), ((4, 7, 6, 5), "hessian"), ((4, 7, 6, 5), "ggn")])
def test_over_seeds_the_estimates_are_right_and_their_errors_too(widths: tuple[int, ...], of: str) -> None:
    problem = wide(widths)
    plane = Plane.random(problem, seed=1)
    point, owners = plane.at(0.4, -0.3), reference.parameter_owners(problem)
    make = reference.hessian if of == "hessian" else reference.fisher_matrix
    truth = reference.shares(make(problem, point), owners)
    effort = Estimation(coordinates="parameters", probes=4, steps=3, examples=None, of=of)
    lands = [survey(problem, plane, (1, 1), HERE, overlays=("coupling",), seed=s, effort=effort) for s in range(200)]
    for variable, expected in zip(("coupling_offdiagonal", "coupling_interlayer"), truth, strict=True):
        values, errors = (np.array([land[v].item() for land in lands]) for v in (variable, f"{variable}_se"))
        assert abs(values.mean() - expected) < 3 * values.std() / 200**0.5
        assert 0.88 <= covered(values, errors, expected, 3) <= 0.99
        assert 0.5 < np.sqrt((errors**2).mean()) / values.std() < 2


@pytest.mark.slow
@pytest.mark.parametrize("sizes", [(20, 10), (12, 10, 14), (9, 8, 7, 10)])
def test_a_part_that_is_known_takes_noise_away_and_adds_no_bias(sizes: tuple[int, ...]) -> None:
    """A few large eigenvalues over a bulk, as in networks: the same seeds with and without the Krylov space."""
    size = sum(sizes)
    turn = torch.linalg.qr(cases.normal(size, size, seed=1))[0]
    values = torch.cat([torch.tensor([20.0, 9.0, -5.0]).double(), 0.5 * cases.normal(size - 3, seed=2)])
    A = turn @ torch.diag(values) @ turn.T
    owners = Layers(tuple(map(str, sizes)), torch.cat([torch.full((n,), k) for k, n in enumerate(sizes)]))
    truth = reference.shares(A, [str(int(k)) for k in owners.index])

    def drawn(seed: int, use: bool) -> list[tuple[float, float]]:
        matrix = Matrix(A)
        starts, rows = random_rows(matrix, 4, seed), random_rows(matrix, 4, 10_000 + seed)
        space = block_space(matrix, starts, 3)
        part = LowRank(space.basis, space.inner) if use else None
        signs = layer_signs(owners, 4, seed)
        images, turned = matrix.products(rows), matrix.products(rows * signs[:, owners.index])
        both = offdiagonal(rows, images, part), interlayer(rows, images, turned, signs, owners, part)
        return [(e.value, e.standard_error) for e in both]

    spreads = {}
    for use in (False, True):
        found = np.array([drawn(seed, use) for seed in range(200)])
        for k, expected in enumerate(truth):
            numbers, errors = found[:, k].T
            # of a ratio of four draws with few large eigenvalues the jackknife leaves a bias of second order
            assert abs(numbers.mean() - expected) < 3 * numbers.std() / 200**0.5 + (0.0 if use else 0.02)
            if use:
                assert 0.88 <= covered(numbers, errors, expected, 3) <= 0.99
            spreads[use, k] = numbers.std()
    for k in range(2):
        assert spreads[True, k] < 0.3 * spreads[False, k]


def fixed(loss: Callable[[Tensor], Tensor], size: int) -> Problem:
    """A loss of `size` parameters alone, without data."""

    class Point(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.w = nn.Parameter(cases.normal(size))

        def forward(self, x: Tensor) -> Tensor:
            return loss(self.w).expand(len(x), 1)

    return Problem(
        Point(), torch.zeros(2, 1).double(), torch.zeros(2, 1).double(), loss=lambda f, y: f[:, 0] + 0 * y[:, 0]
    )


ESTIMATED = Estimation(coordinates="parameters", probes=3, steps=2, examples=None)


def test_a_diagonal_hessian_has_no_coupling() -> None:
    """Estimated, it is zero on average and within its error: the part in the Krylov space is not diagonal by itself."""
    weights = torch.linspace(0.5, 9.0, 30).double()
    problem = fixed(lambda w: (weights * w**2).sum() + (w**4).sum(), 30)
    plane = Plane.random(problem, normalize="none", ignore=None)
    land = survey(problem, plane, (2, 2), SPAN, overlays=("coupling",), effort=EXACT)
    assert land["coupling_offdiagonal"].values == pytest.approx(np.zeros((2, 2)), abs=1e-14)
    assert not land["coupling_offdiagonal_se"].values.any()
    lands = [survey(problem, plane, (1, 1), HERE, overlays=("coupling",), seed=s, effort=ESTIMATED) for s in range(100)]
    values, errors = (
        np.array([each[v].item() for each in lands]) for v in ("coupling_offdiagonal", "coupling_offdiagonal_se")
    )
    assert values.min() == 0  # what is shown is never below
    assert values.mean() < values.std()
    assert covered(values, errors, 0.0, 2) >= 0.88


@pytest.mark.parametrize("effort", [ESTIMATED, EXACT])
def test_rank_one_has_its_closed_form_even_from_a_few_products(effort: Estimation) -> None:
    """H = aaᵀ: 1 − Σ a⁴ / (Σ a²)², and the Krylov space holds all of it."""
    a = cases.normal(30, seed=7)
    problem = fixed(lambda w: 0.5 * (a @ w) ** 2, 30)
    plane = Plane.random(problem, normalize="none", ignore=None)
    land = survey(problem, plane, (2, 2), SPAN, overlays=("coupling",), effort=effort)
    expected = 1 - float((a**4).sum() / (a**2).sum() ** 2)
    assert land["coupling_offdiagonal"].values == pytest.approx(np.full((2, 2), expected), abs=1e-10)
    assert land["coupling_offdiagonal_se"].values == pytest.approx(np.zeros((2, 2)), abs=1e-10)


@pytest.mark.parametrize("effort", [ESTIMATED, EXACT])
def test_without_curvature_there_is_no_coupling_to_speak_of(effort: Estimation) -> None:
    problem = fixed(lambda w: w.sum(), 30)
    plane = Plane.random(problem, normalize="none", ignore=None)
    land = survey(problem, plane, (2, 1), SPAN, overlays=("coupling", "viscosity"), effort=effort)
    assert np.isnan(land["coupling_offdiagonal"].values).all()
    assert not land["viscosity"].values.any()


@pytest.mark.parametrize("effort", [Estimation(coordinates="parameters", probes=4, steps=4, examples=None), EXACT])
def test_layers_that_do_not_meet_are_not_tied(effort: Estimation) -> None:
    class Apart(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Linear(4, 5), nn.Linear(4, 5)

        def forward(self, x: Tensor) -> Tensor:
            return torch.cat([self.first(x), self.second(x) ** 2], 1)

    problem = Problem(cases.initialised(Apart()), cases.normal(9, 4), cases.normal(9, 10, seed=1), loss="mse")
    land = survey(problem, Plane.random(problem), (2, 2), SPAN, overlays=("coupling",), effort=effort)
    reach = 4 * land["coupling_interlayer_se"].values + 1e-12
    assert (np.abs(land["coupling_interlayer"].values) < reach).all()
    assert reach.max() < 0.05
    assert land["coupling_offdiagonal"].values.min() > 0.05
