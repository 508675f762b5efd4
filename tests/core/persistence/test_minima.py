"""Minima by persistence against closed forms and a flooding written out."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from lossnav.core import InputError
from lossnav.core.persistence import minima

gudhi = pytest.importorskip("gudhi")


def flooded(values: np.ndarray) -> dict[tuple[int, int], float]:
    """Depth of every minimum: water rises point by point, and where pools meet the shallower ends."""
    parent: dict[tuple[int, int], tuple[int, int]] = {}
    depth: dict[tuple[int, int], float] = {}

    def pool(cell: tuple[int, int]) -> tuple[int, int]:
        while parent[cell] != cell:
            cell = parent[cell]
        return cell

    for cell in sorted(np.ndindex(*values.shape), key=lambda c: values[c]):
        parent[cell] = cell
        beside = [(cell[0] + a, cell[1] + b) for a, b in ((1, 0), (-1, 0), (0, 1), (0, -1))]
        pools = {pool(other) for other in beside if other in parent}
        if not pools:
            depth[cell] = np.inf
            continue
        deepest = min(pools, key=lambda c: values[c])
        for each in pools - {deepest}:
            depth[each] = values[cell] - values[each]
            parent[each] = deepest
        parent[cell] = deepest
    return depth


def test_of_two_minima_the_higher_ends_at_the_saddle() -> None:
    row = [3.0, 0.0, 2.0, 1.0, 3.0]
    found = [(m.cell, m.value, m.depth, m.saddle) for m in minima(np.array([[3.0] * 5, row, [3.0] * 5]))]
    assert found == [((1, 1), 0.0, np.inf, None), ((1, 3), 1.0, 1.0, (1, 2))]


@pytest.mark.parametrize("seed", range(6))
def test_every_minimum_of_a_random_grid_is_the_floodings(seed: int) -> None:
    values = np.random.default_rng(seed).normal(size=(9, 13))
    found = {m.cell: m.depth for m in minima(values)}
    truth = flooded(values)
    assert found.keys() == truth.keys()
    assert found == pytest.approx(truth)


def test_two_wells_and_the_pass_between_them() -> None:
    """L = (x² − 1)² + y² + 0.1 x: minima near ±1, the pass near 0."""
    x, y = np.meshgrid(np.linspace(-1.5, 1.5, 61), np.linspace(-1, 1, 41), indexing="ij")
    values = (x**2 - 1) ** 2 + y**2 + 0.1 * x
    deep, shallow = minima(values)
    roots = np.sort(np.roots([4, 0, -4, 0.1]).real)
    heights = (roots**2 - 1) ** 2 + 0.1 * roots
    assert (deep.value, shallow.value) == pytest.approx((heights[0], heights[2]), abs=3e-3)
    assert shallow.depth == pytest.approx(heights[1] - heights[2], abs=6e-3)
    assert shallow.saddle is not None
    assert x[shallow.saddle] == pytest.approx(roots[1], abs=0.05)
    assert deep.depth == np.inf
    assert not deep.at_edge


def test_what_the_error_can_make_is_left_out() -> None:
    draw = np.random.default_rng(0)
    x, y = np.meshgrid(np.linspace(-1, 1, 31), np.linspace(-1, 1, 31), indexing="ij")
    error = 0.2
    bowl = x**2 + y**2 + draw.uniform(-error, error, x.shape)
    assert len(minima(bowl)) > 10
    assert len(minima(bowl, error)) == 1


def test_holes_are_walls_and_edges_are_told() -> None:
    values = np.array([[1.0, np.nan, 0.0], [2.0, np.inf, 3.0]])
    found = minima(values)
    assert [(m.cell, m.depth) for m in found] == [((0, 2), np.inf), ((0, 0), np.inf)]
    assert all(m.at_edge for m in found)
    assert minima(np.full((2, 2), np.nan)) == []


def test_refusals(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="grid of rows"):
        minima(np.zeros(3))
    with pytest.raises(InputError, match="error should be"):
        minima(np.zeros((2, 2)), -1)
    monkeypatch.setitem(sys.modules, "gudhi", None)
    with pytest.raises(InputError, match="pip install gudhi"):
        minima(np.zeros((2, 2)))
