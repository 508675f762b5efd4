"""Which points of the plane to measure, and in what order: coarse to fine, each level containing the one before.

A plan is a list of points, not an image: a grid is the full set of them, and an adaptive survey may stop early.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .checks import InputError
from .plane import Span


@dataclass(frozen=True)
class Plan:
    """Points of a grid in coarse-to-fine order.

    alpha, beta  the grid's coordinates along each axis, (A,) and (B,)
    cells        (points, 2) integer grid indices (i, j), coarsest level first
    levels       (points,) the level at which each point comes in: 16 the coarsest, then 8, 4 … as the stride is halved
    """

    alpha: np.ndarray
    beta: np.ndarray
    cells: np.ndarray
    levels: np.ndarray

    @property
    def points(self) -> np.ndarray:
        """(points, 2) coordinates (α, β) in the order of measuring."""
        return np.column_stack([self.alpha[self.cells[:, 0]], self.beta[self.cells[:, 1]]])

    def grid(self, values: np.ndarray, fill: float | bool = np.nan) -> np.ndarray:
        """Values given per point (points, …) laid out on the grid (A, B, …)."""
        image = np.full((len(self.alpha), len(self.beta), *values.shape[1:]), fill, dtype=values.dtype)
        image[self.cells[:, 0], self.cells[:, 1]] = values
        return image


def grid_plan(shape: tuple[int, int], span: Span) -> Plan:
    """A full grid of `shape` over `span`, ordered from a coarse subgrid to the finest.

    Raises
    ------
    InputError  sizes below 1, a span that is empty or not finite

    >>> plan = grid_plan((9, 9), ((-1, 1), (0, 2)))
    >>> plan.levels.tolist().count(16), plan.levels.tolist().count(8), plan.cells[1].tolist()
    (25, 56, [0, 2])
    """
    if len(shape) != 2 or any(int(count) != count or count < 1 for count in shape):
        raise InputError(f"shape should be two whole numbers, 1 or more, but is {shape}: for example (51, 51).")
    if len(span) != 2 or any(len(ends) != 2 for ends in span):
        raise InputError(f"span should be ((α from, α to), (β from, β to)), but is {span}.")
    alpha, beta = (_axis(count, ends, name) for count, ends, name in zip(shape, span, ("alpha", "beta"), strict=True))
    rows, columns = np.meshgrid(np.arange(shape[0]), np.arange(shape[1]), indexing="ij")
    levels = np.minimum(_strides(shape[0])[:, None], _strides(shape[1])[None, :])
    order = np.argsort(-levels.ravel(), kind="stable")
    cells = np.column_stack([rows.ravel(), columns.ravel()])[order]
    return Plan(alpha, beta, cells, levels.ravel()[order])


def finest_complete(measured: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Row and column indices of the finest level of which every point is measured, or None before the first.

    measured  (A, B) bool
    """
    strides = [_strides(n) for n in measured.shape]
    for stride in (1, 2, 4, 8, 16):
        rows, columns = (np.flatnonzero(s >= stride) for s in strides)
        if len(rows) and len(columns) and measured[np.ix_(rows, columns)].all():
            return rows, columns
    return None


def _axis(count: int, ends: tuple[float, float], name: str) -> np.ndarray:
    low, high = float(ends[0]), float(ends[1])
    if not (np.isfinite(low) and np.isfinite(high)) or (count > 1 and low >= high):
        raise InputError(f"The span of {name} should run from a lower to a higher number, but is ({low:g}, {high:g}).")
    return np.linspace(low, high, count) if count > 1 else np.array([(low + high) / 2])


def _strides(count: int, coarsest: int = 16) -> np.ndarray:
    """The level of each index: the largest power of two that divides it, the coarsest for both ends.

    A short axis has fewer levels of its own; scaling makes its first level the coarsest of all axes.
    """
    top = coarsest
    while top > 1 and top * 4 > count - 1:
        top //= 2
    strides = np.array([np.gcd(index, top) for index in range(count)])
    strides[[0, -1]] = top
    return strides * (coarsest // top)
