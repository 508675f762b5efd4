"""Quadrature from the probes' common Krylov space: Gauss's moments, and all that it must not change."""

from __future__ import annotations

import cases
import numpy as np
import pytest
import torch
from lossnav.core import InputError
from lossnav.core.curvature.operators import Matrix
from lossnav.core.spectrum.quadrature import block_quadrature, block_space, lanczos_quadrature
from torch import Tensor


def symmetric(size: int, seed: int = 0) -> Tensor:
    draw = cases.normal(size, size, seed=seed)
    return (draw + draw.T) / 2


def rows(count: int, size: int, seed: int = 1) -> Tensor:
    return cases.normal(count, size, seed=seed)


@pytest.mark.parametrize("steps", [1, 2, 4])
def test_each_rule_has_gausss_moments(steps: int) -> None:
    A, starts = symmetric(40), rows(3, 40)
    rule = block_quadrature(block_space(Matrix(A), starts, steps), starts)
    for v, nodes, weights in zip(starts, rule.nodes, rule.weights, strict=True):
        unit, power = v / v.norm(), v / v.norm()
        for degree in range(2 * steps):
            assert float((weights * nodes**degree).sum()) == pytest.approx(float(unit @ power), rel=1e-9, abs=1e-9)
            power = A @ power


def test_one_probe_is_a_plain_lanczos_run() -> None:
    A, start = symmetric(30), rows(1, 30)
    plain = lanczos_quadrature(Matrix(A), start, 6)
    block = block_quadrature(block_space(Matrix(A), start, 6), start)
    assert np.allclose(block.nodes, plain.nodes)
    assert np.allclose(block.weights, plain.weights)


def test_its_extremes_are_nearer_than_each_probes_own() -> None:
    A, starts = symmetric(120), rows(4, 120)
    plain = lanczos_quadrature(Matrix(A), starts, 5)
    block = block_quadrature(block_space(Matrix(A), starts, 5), starts)
    true = torch.linalg.eigvalsh(A)
    assert true[-1] >= block.extreme()[0] >= plain.extreme()[0]
    assert true[0] <= block.extreme(largest=False)[0] <= plain.extreme(largest=False)[0]


def test_an_eigenvalue_lies_within_the_stated_miss() -> None:
    A, starts = symmetric(60), rows(3, 60)
    rule = block_quadrature(block_space(Matrix(A), starts, 4), starts)
    true = torch.linalg.eigvalsh(A)
    for node, miss in zip(rule.nodes[0], rule.misses[0], strict=True):
        assert float((true - node).abs().min()) <= float(miss) + 1e-12


def test_as_many_products_as_dimensions_give_every_eigenvalue() -> None:
    A, starts = symmetric(12), rows(4, 12)
    rule = block_quadrature(block_space(Matrix(A), starts, 3), starts)
    assert torch.allclose(rule.nodes[0], torch.linalg.eigvalsh(A))
    assert rule.misses.abs().max() < 1e-10


@pytest.mark.parametrize("kind", ["zero", "identity", "twin starts"])
def test_spaces_that_close_early(kind: str) -> None:
    A = {"zero": torch.zeros(20, 20).double(), "identity": torch.eye(20).double()}.get(kind, symmetric(20))
    starts = rows(3, 20)
    if kind == "twin starts":
        starts[1] = starts[0]
    rule = block_quadrature(block_space(Matrix(A), starts, 4), starts)
    assert torch.isfinite(rule.nodes).all()
    assert torch.allclose(rule.weights.sum(1), torch.ones(3).double())
    assert torch.allclose(rule.traces, 20 * ((starts @ A) * starts).sum(1) / starts.square().sum(1))


def test_what_is_not_finite_is_said() -> None:
    with pytest.raises(ArithmeticError):
        block_space(Matrix(torch.full((5, 5), torch.nan).double()), rows(2, 5), 2)
    with pytest.raises(InputError, match="zero vector"):
        block_space(Matrix(symmetric(5)), torch.zeros(2, 5).double(), 2)
