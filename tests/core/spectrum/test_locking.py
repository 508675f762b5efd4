"""Eigenvalues that occur many times, at both ends, against matrices and layers whose spectrum is known."""

from __future__ import annotations

import cases
import numpy as np
import pytest
import torch
from lossnav.core import Problem
from lossnav.core.curvature.operators import Matrix
from lossnav.core.spectrum.eigenvalues import MOST_DIAGONALISED, eigenpairs, spectrum
from lossnav.core.spectrum.locking import locked_eigenpairs
from torch import Tensor, nn

EDGES = torch.tensor([9.0] * 3 + [4.0] * 5 + [2.5] * 2 + [1.5] + [-1.0] * 4 + [-3.0] * 5).double()


class Counted(Matrix):
    def __init__(self, values: Tensor) -> None:
        super().__init__(values)
        object.__setattr__(self, "count", [0])

    def products(self, rows: Tensor) -> Tensor:
        self.count[0] += len(rows)  # type: ignore[attr-defined]
        return super().products(rows)


def rotated(values: Tensor) -> Tensor:
    turn = torch.linalg.qr(cases.normal(len(values), len(values), seed=5))[0]
    return turn @ torch.diag(values) @ turn.T


@pytest.mark.parametrize("block", [1, 2, 3])
@pytest.mark.parametrize("seed", [0, 1])
def test_every_copy_is_found_at_both_ends_and_its_cost_is_counted(block: int, seed: int) -> None:
    values = torch.cat([EDGES, torch.linspace(0, 1, 80).double()])
    matrix = Counted(rotated(values))
    start = cases.normal(block, len(values), seed=seed)
    found = locked_eigenpairs(matrix, start, 11, 9, 1e-8, 100, seed)
    expected = [*sorted(EDGES.tolist(), reverse=True)[:11], *[-3.0] * 5, *[-1.0] * 4]
    assert found.values.numpy() == pytest.approx(np.array(expected), abs=1e-6)
    gram = found.vectors @ found.vectors.T
    torch.testing.assert_close(gram, torch.eye(20).double(), atol=1e-6, rtol=0)
    assert found.residuals.max() < 1e-5
    assert found.steps == matrix.count[0]  # type: ignore[attr-defined]


def test_nothing_is_started_again_for_as_few_as_the_first_block_finds() -> None:
    matrix = Counted(rotated(torch.cat([EDGES, torch.linspace(0, 1, 40).double()])))
    found = locked_eigenpairs(matrix, cases.normal(2, matrix.size), 2, 2, 1e-6, 60)
    assert found.values.numpy() == pytest.approx(np.array([9.0, 9.0, -3.0, -3.0]), abs=1e-6)
    assert found.steps == matrix.count[0] <= 60  # type: ignore[attr-defined]


def test_a_matrix_of_negative_eigenvalues_has_none_of_zero() -> None:
    values = torch.cat([torch.tensor([-1.0] * 3 + [-2.0] * 3).double(), torch.linspace(-9, -5, 30).double()])
    found = locked_eigenpairs(Matrix(rotated(values)), cases.normal(1, len(values)), 5, 0, 1e-8, 36)
    assert found.values.numpy() == pytest.approx(np.array([-1.0] * 3 + [-2.0] * 2), abs=1e-6)


@pytest.mark.parametrize("outputs", [3, 4])
def test_a_layer_of_several_squared_errors_above_what_is_diagonalised(outputs: int) -> None:
    """H is the same (2/(n·outputs)) XᵀX for every output."""
    inputs = MOST_DIAGONALISED // outputs + 1
    lengths = torch.tensor([9.0, 4.0, 2.0, 1.0, 0.5]).double().sqrt()
    x = torch.zeros(5, inputs).double()
    x[range(5), range(5)] = lengths * (5 * outputs / 2) ** 0.5
    problem = Problem(nn.Linear(inputs, outputs, bias=False).double(), x, torch.zeros(5, outputs).double(), loss="mse")
    assert problem.parameter_count > MOST_DIAGONALISED
    expected = np.repeat([9.0, 4.0, 2.0], outputs)[: 2 * outputs + 1]
    found = spectrum(problem, top=2 * outputs + 1, steps=6, probes=2)
    assert found.method == "slq"
    assert found.top == pytest.approx(expected, rel=1e-5)
    assert eigenpairs(problem, top=2 * outputs + 1).values.numpy() == pytest.approx(expected, rel=1e-5)
