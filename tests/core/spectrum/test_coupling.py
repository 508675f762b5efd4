"""Coupling as one number and as a matrix of layers, against whole matrices and closed forms."""

from __future__ import annotations

import cases
import numpy as np
import pytest
import torch
from lossnav.core import InputError, Problem
from lossnav.core.curvature.dense import dense_matrix
from lossnav.core.curvature.layers import Layers, layers_of
from lossnav.core.curvature.operators import Matrix, curvature
from lossnav.core.spectrum.coupling import coupling, exact_coupling, interlayer, layer_signs, offdiagonal
from lossnav.core.spectrum.coupling_matrix import coupling_matrix
from lossnav.core.spectrum.probes import random_rows
from torch import Tensor, nn


def layers(*sizes: int) -> Layers:
    index = torch.cat([torch.full((size,), k) for k, size in enumerate(sizes)])
    return Layers(tuple(str(k) for k in range(len(sizes))), index)


def random_symmetric(size: int, seed: int = 0) -> Tensor:
    A = cases.normal(size, size, seed=seed)
    return A + A.T + torch.diag(3 * cases.normal(size, seed=seed + 1))


def slow_shares(A: Tensor, owners: Layers) -> tuple[float, float]:
    whole = off = between = 0.0
    for i in range(len(A)):
        for j in range(len(A)):
            square = float(A[i, j]) ** 2
            whole += square
            off += square * (i != j)
            between += square * bool(owners.index[i] != owners.index[j])
    return off / whole, between / whole


@pytest.mark.parametrize("sizes", [(6, 4), (5, 3, 7), (2, 4, 3, 5), (3, 3, 3, 3, 3), (12,)])
def test_exact_shares_are_the_slow_ones(sizes: tuple[int, ...]) -> None:
    A, owners = random_symmetric(sum(sizes)), layers(*sizes)
    found = exact_coupling(A, owners)
    assert (found.offdiagonal.value, found.interlayer.value) == pytest.approx(slow_shares(A, owners), abs=1e-12)


@pytest.mark.parametrize("sizes", [(20, 10), (10, 10, 10), (10, 5, 5, 10), (6, 6, 6, 6, 6)])
@pytest.mark.parametrize("readout", ["offdiagonal", "interlayer"])
def test_estimates_have_no_bias(sizes: tuple[int, ...], readout: str) -> None:
    A, owners = random_symmetric(sum(sizes), seed=3), layers(*sizes)
    truth = getattr(exact_coupling(A, owners), readout).value
    found = [getattr(coupling(Matrix(A), owners, 8, seed), readout) for seed in range(200)]
    values, errors = np.array([e.value for e in found]), np.array([e.standard_error for e in found])
    assert abs(values.mean() - truth) < 3 * values.std() / 200**0.5
    assert np.sqrt((errors**2).mean()) == pytest.approx(values.std(), rel=0.4)


def test_a_diagonal_matrix_has_no_coupling() -> None:
    A = torch.diag(cases.normal(12))
    found = coupling(Matrix(A), layers(5, 3, 4), 3, seed=2)
    for estimate in (found.offdiagonal, found.interlayer):
        assert estimate.value == pytest.approx(0.0, abs=1e-12)
        assert estimate.standard_error == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("sizes", [(5, 3, 4), (6, 6), (4, 2, 3, 3)])
def test_a_matrix_of_blocks_has_no_coupling_between_layers(sizes: tuple[int, ...]) -> None:
    A = torch.block_diag(*(random_symmetric(size, seed=size) for size in sizes))
    found = coupling(Matrix(A), layers(*sizes), 3, seed=2)
    assert found.interlayer.value == pytest.approx(0.0, abs=1e-12)
    assert found.offdiagonal.value > 0.1


def test_one_layer_costs_no_further_products() -> None:
    class Counted(Matrix):
        calls = 0

        def products(self, rows: Tensor) -> Tensor:
            Counted.calls += len(rows)
            return super().products(rows)

    found = coupling(Counted(random_symmetric(9)), layers(9), 4)
    assert found.interlayer.value == 0.0
    assert Counted.calls == 4
    coupling(Counted(random_symmetric(9)), layers(4, 5), 4)
    assert Counted.calls == 4 + 8


def test_rank_one_has_its_closed_form() -> None:
    a, owners = cases.normal(40, seed=4), layers(15, 15, 10)
    square = a.square()
    off = 1 - float(square.square().sum() / square.sum() ** 2)
    between = 1 - sum(float(part.sum()) ** 2 for part in square.split([15, 15, 10])) / float(square.sum()) ** 2
    A = torch.outer(a, a)
    whole = exact_coupling(A, owners)
    assert (whole.offdiagonal.value, whole.interlayer.value) == pytest.approx((off, between), abs=1e-12)
    found = coupling(Matrix(A), owners, 400)
    assert abs(found.offdiagonal.value - off) < 3 * found.offdiagonal.standard_error < 0.1
    assert abs(found.interlayer.value - between) < 3 * found.interlayer.standard_error < 0.3


def test_scale_does_not_matter_and_the_seed_does() -> None:
    A, owners = random_symmetric(20), layers(8, 6, 6)
    first, scaled = coupling(Matrix(A), owners, 6, 1), coupling(Matrix(1e-3 * A), owners, 6, 1)
    assert first == coupling(Matrix(A), owners, 6, 1)
    assert scaled.interlayer.value == pytest.approx(first.interlayer.value, rel=1e-9)
    assert first.offdiagonal != coupling(Matrix(A), owners, 6, 2).offdiagonal


def test_no_curvature_has_no_coupling_at_all() -> None:
    for found in (
        coupling(Matrix(torch.zeros(4, 4).double()), layers(2, 2)),
        exact_coupling(torch.zeros(4, 4), layers(2, 2)),
    ):
        assert np.isnan(found.offdiagonal.value)
        assert np.isnan(found.interlayer.value)


def test_too_few_probes_are_named() -> None:
    A = Matrix(random_symmetric(6))
    rows = random_rows(A, 2)
    with pytest.raises(InputError, match="3 or more"):
        offdiagonal(rows, A.products(rows))
    with pytest.raises(InputError, match="3 or more"):
        interlayer(rows, rows, rows, layer_signs(layers(3, 3), 2), layers(3, 3))


def test_half_of_the_layers_is_turned() -> None:
    for count, sum_of_signs in ((2, 0), (3, 1), (6, 0), (7, 1)):
        signs = layer_signs(layers(*[1] * count), 9)
        assert signs.sum(1).tolist() == [sum_of_signs] * 9


def test_layers_are_the_modules_that_own_the_tensors() -> None:
    def names(model: nn.Module, *shape: int) -> tuple[str, ...]:
        problem = Problem(model.double(), cases.normal(4, *shape), torch.tensor([0, 1, 0, 1]))
        return layers_of(curvature(problem).layout).names

    assert names(nn.Linear(3, 2), 3) == ("model",)
    assert names(cases.mlp((3, 4, 2)), 3) == ("0", "2")
    assert names(nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(3, 2)), nn.Identity()), 3) == ("0",)
    assert names(cases.Recurrent(), 4, 3) == ("memory", "head")
    owners = layers_of(curvature(cases.smooth()).layout)
    assert torch.bincount(owners.index).tolist() == [3 * 4 + 4, 4 * 3 + 3]


@pytest.mark.parametrize("of", ["hessian", "ggn"])
@pytest.mark.parametrize("case", ["smooth", "convolution", "tied tokens"])
def test_coupling_matrix_is_that_of_the_whole_matrix(case: str, of: str) -> None:
    problem = cases.CASES[case]()
    A, owners = dense_matrix(curvature(problem, of=of)), layers_of(curvature(problem).layout)
    found = coupling_matrix(problem, of=of)
    assert found.dims == ("layer", "other")
    assert list(found.layer.values) == list(owners.names)
    for a, first in enumerate(owners.names):
        for b, second in enumerate(owners.names):
            norms = [float(A[owners.index == i][:, owners.index == j].norm()) for i, j in ((a, b), (a, a), (b, b))]
            expected = norms[0] / np.sqrt(norms[1] * norms[2])
            assert float(found.sel(layer=first, other=second)) == pytest.approx(expected, rel=1e-9)
    assert found.values == pytest.approx(found.values.T)
    assert not found.standard_error.values.any()
    assert (found.attrs["of"], found.attrs["exact"], found.attrs["probes"]) == (of, 1, 0)


@pytest.mark.parametrize("case", ["smooth", "convolution"])
def test_estimated_coupling_matrix_is_within_its_error(case: str) -> None:
    problem = cases.CASES[case]()
    exact, found = coupling_matrix(problem), coupling_matrix(problem, probes=300, exact=False)
    errors = found.standard_error.values
    off = ~np.eye(len(errors), dtype=bool)
    assert np.all(np.abs(found.values - exact.values)[off] < 4 * errors[off])
    assert errors[off].max() < 0.2
    assert np.diag(found.values) == pytest.approx(np.ones(len(errors)))
    assert found.values == pytest.approx(found.values.T)
    again = coupling_matrix(problem, probes=300, exact=False)
    assert found.identical(again)
    assert not found.equals(coupling_matrix(problem, probes=300, seed=1, exact=False))


def test_coupling_matrix_names_bad_arguments() -> None:
    with pytest.raises(InputError, match="did you mean 'hessian'"):
        coupling_matrix(cases.smooth(), of="hessain")
    with pytest.raises(InputError, match="probes"):
        coupling_matrix(cases.smooth(), probes=1)


@pytest.mark.parametrize("exact", [True, False])
def test_a_layer_without_curvature_of_its_own_has_no_number_though_it_is_tied_to_others(exact: bool) -> None:
    """At a saddle of two linear layers w₂ w₁ with both at zero, H is off its diagonal blocks alone."""
    model = nn.Sequential(nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False)).double()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    problem = Problem(model, torch.ones(3, 1).double(), torch.ones(3, 1).double(), loss="mse")
    found = coupling_matrix(problem, exact=exact)
    assert np.isnan(found.values).all()
    assert np.isnan(found.standard_error.values).all() or exact
