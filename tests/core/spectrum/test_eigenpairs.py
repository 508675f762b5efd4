"""The outermost eigenpairs alone, and quadrature that ends when its density has settled."""

from __future__ import annotations

import cases
import numpy as np
import pytest
import torch
from lossnav.core import InputError
from lossnav.core.curvature.dense import dense_matrix
from lossnav.core.curvature.operators import Matrix, curvature
from lossnav.core.spectrum.density import broadening
from lossnav.core.spectrum.eigenvalues import eigenpairs, spectrum
from lossnav.core.spectrum.lanczos import extreme_eigenpairs
from lossnav.core.spectrum.quadrature import LOOK, lanczos_quadrature
from torch import Tensor


class Counted(Matrix):
    """A matrix that counts its products."""

    def __init__(self, values: Tensor) -> None:
        super().__init__(values)
        object.__setattr__(self, "count", [0])

    def products(self, rows: Tensor) -> Tensor:
        self.count[0] += len(rows)  # type: ignore[attr-defined]
        return super().products(rows)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_residuals_are_those_of_products_in_double_precision(dtype: torch.dtype) -> None:
    problem = cases.smooth(2)
    found = eigenpairs(problem, top=3, bottom=2, dtype=dtype)
    H = dense_matrix(curvature(problem, dtype=torch.float64))
    assert found.values.numpy()[:3] == pytest.approx(torch.linalg.eigvalsh(H).flip(0)[:3].numpy(), rel=1e-6)
    vectors = found.vectors.double()
    misses = (vectors @ H - found.values[:, None] * vectors).norm(dim=1) / found.values.abs()
    assert misses.numpy() == pytest.approx(
        found.residuals.numpy(), rel=1e-3, abs=1e-5 if dtype == torch.float32 else 1e-10
    )
    assert (misses <= 1.01e-4).all()


def test_a_looser_tolerance_takes_fewer_products() -> None:
    problem = cases.classifier(3, n=40)
    counts = [eigenpairs(problem, top=2, tolerance=tolerance).steps for tolerance in (1e-1, 1e-10)]
    assert counts[0] < counts[1]
    assert counts[0] < problem.parameter_count


def test_a_block_finds_an_eigenvalue_that_occurs_twice() -> None:
    problem = cases.linear(outputs=2)  # the same quadratic for both outputs
    pairs = eigenpairs(problem, top=2, block=2)
    assert pairs.values[0] == pytest.approx(float(pairs.values[1]), rel=1e-8)
    assert abs(float(pairs.vectors[0] @ pairs.vectors[1])) < 1e-8


@pytest.mark.parametrize(
    ("argument", "value"), [("top", 0), ("bottom", -1), ("block", 0), ("tolerance", 0.0), ("tolerance", float("nan"))]
)
def test_bad_arguments_are_named(argument: str, value: float) -> None:
    with pytest.raises(InputError, match=argument):
        eigenpairs(cases.smooth(), **{argument: value})  # type: ignore[arg-type]


@pytest.mark.parametrize("block", [1, 2, 3])
@pytest.mark.parametrize("most_steps", [4, 5, 20])
def test_residuals_are_the_true_ones_also_where_the_products_are_not_symmetric(block: int, most_steps: int) -> None:
    draw = cases.normal(40, 40)
    A = draw + draw.T + 1e-3 * cases.normal(40, 40, seed=1)  # as rounding leaves them, only more so
    found = extreme_eigenpairs(lambda v: A @ v, cases.normal(block, 40, seed=2), 2, 1, 1e-12, most_steps)
    misses = (found.vectors @ A.T - found.values[:, None] * found.vectors).norm(dim=1) / found.values.abs()
    assert found.residuals.numpy() == pytest.approx(misses.numpy(), rel=1e-9)
    assert found.steps == most_steps


def test_the_iteration_ends_with_the_first_product_that_meets_the_tolerance() -> None:
    values = torch.cat([torch.linspace(0, 1, 200), torch.tensor([5.0, 4.0, 3.0])]).double()
    matrix, start = Matrix(torch.diag(values)), cases.normal(1, len(values))
    found = extreme_eigenpairs(matrix, start, 3, tolerance=1e-2)
    before = extreme_eigenpairs(matrix, start, 3, tolerance=1e-2, most_steps=found.steps - 1)
    assert found.residuals.max() <= 1e-2 < before.residuals.max()


@pytest.mark.parametrize("of", ["hessian", "ggn"])
def test_curvature_that_overflows_is_named(of: str) -> None:
    problem = cases.classifier(2)
    there = {k: v * 1e200 for k, v in problem.parameters.items()}
    for method in ("exact", "slq"):
        with pytest.raises(InputError, match="finite"):
            spectrum(problem, there, of, method=method)
    with pytest.raises(InputError, match="finite"):
        eigenpairs(problem, there, of)


def density(nodes: Tensor, weights: Tensor, grid: Tensor, width: float) -> Tensor:
    bells = torch.exp(-0.5 * ((grid[:, None] - nodes) / width) ** 2) / (width * (2 * torch.pi) ** 0.5)
    return bells @ weights


def test_quadrature_ends_when_its_density_has_settled() -> None:
    values = torch.cat([torch.linspace(0, 0.05, 380).double(), torch.tensor([3.0, 5.0, 9.0, 10.0]).double()])
    start = cases.normal(1, len(values), seed=3)
    short, long = Counted(torch.diag(values)), Counted(torch.diag(values))
    ended, whole = lanczos_quadrature(short, start, 200, settled=1e-3), lanczos_quadrature(long, start, 200)
    assert short.count[0] == ended.nodes.shape[1] < 100  # type: ignore[attr-defined]
    assert ended.nodes.shape[1] % LOOK == 0
    width = broadening(10.0)
    grid = torch.linspace(-0.2, 10.2, 4_000, dtype=torch.float64)
    parts = [density(rule.nodes[0], rule.weights[0], grid, width) for rule in (ended, whole)]
    assert float((parts[0] - parts[1]).abs().sum() * (grid[1] - grid[0])) < 2e-3
    exact = (start[0] / start[0].norm()).square()
    true = density(values, exact, grid, width)
    assert float((parts[0] - true).abs().sum() * (grid[1] - grid[0])) < 2e-3


def test_without_that_it_takes_all_its_steps() -> None:
    matrix = Counted(torch.diag(torch.linspace(0, 1, 100).double() ** 2))
    lanczos_quadrature(matrix, cases.normal(2, 100), 40)
    assert matrix.count[0] == 2 * 40  # type: ignore[attr-defined]


def test_a_run_ends_where_its_space_does_and_its_rule_is_exact() -> None:
    values = torch.tensor([0.0, 1.0, 4.0]).repeat(10).double()
    rule = lanczos_quadrature(Matrix(torch.diag(values)), cases.normal(2, 30), 25)
    assert np.count_nonzero(rule.weights[0].numpy()) == 3
    assert rule.weights.sum(1).numpy() == pytest.approx(np.ones(2))
