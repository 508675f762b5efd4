"""Which points of the plane to measure, and in what order: coarse to fine, each level containing the one before.

A plan is a list of points, not an image: a grid is the full set of them, and an adaptive survey may stop early.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..checks import InputError
from ..plane.plane import Span

MOST_POINTS = 10**8
FARTHEST = 1e150  # multiples of a direction, whose squares float64 holds
COARSEST = 4096  # the first level's number; each finer one has half of it


@dataclass(frozen=True)
class GridPlan:
    """Points of a grid in coarse-to-fine order.

    alpha, beta  the grid's coordinates along each axis, (A,) and (B,)
    cells        (points, 2) integer grid indices (i, j), coarsest level first
    levels       (points,) the level at which each point comes in: 4096 the coarsest, then 2048, 1024 … as every interval
                 is halved; an axis with a middle has it in the first
    """

    alpha: np.ndarray
    beta: np.ndarray
    cells: np.ndarray
    levels: np.ndarray

    @property
    def points(self) -> np.ndarray:
        """(points, 2) coordinates (α, β) in the order of measuring."""
        return np.column_stack([self.alpha[self.cells[:, 0]], self.beta[self.cells[:, 1]]])

    def every(self, stride: int) -> np.ndarray:
        """(points,) bool: the subgrid of about every `stride`-th row and column, a power of two; ends and middle included."""
        return self.levels >= min(stride * self.levels.min(), self.levels.max())

    def grid(self, values: np.ndarray, fill: float | bool = np.nan) -> np.ndarray:
        """Values given per point (points, …) laid out on the grid (A, B, …)."""
        image = np.full((len(self.alpha), len(self.beta), *values.shape[1:]), fill, dtype=values.dtype)
        image[self.cells[:, 0], self.cells[:, 1]] = values
        return image


def grid_plan(shape: tuple[int, int], span: Span) -> GridPlan:
    """A full grid of `shape` over `span`, ordered from a coarse subgrid to the finest.

    The first level has the ends and the middle of each axis, where the plane's own θ₀ lies on most; each further one halves
    the intervals, so that levels have 3, 5, 9, 17, 33 … rows.

    Raises
    ------
    InputError  sizes below 1, a span that is empty or not finite

    >>> plan = grid_plan((9, 9), ((-1, 1), (0, 2)))
    >>> [plan.levels.tolist().count(level) for level in (4096, 2048, 1024)], plan.cells[1].tolist()
    ([9, 16, 56], [0, 4])
    """
    if len(shape) != 2 or any(int(count) != count or count < 1 for count in shape):
        raise InputError(f"shape should be two whole numbers, 1 or more, but is {shape}: for example (51, 51).")
    if shape[0] * shape[1] > MOST_POINTS:
        raise InputError(
            f"A grid of {shape[0]:,} × {shape[1]:,} has {shape[0] * shape[1]:,} points, more than {MOST_POINTS:,}: choose a "
            "coarser one."
        )
    if len(span) != 2 or any(len(ends) != 2 for ends in span):
        raise InputError(f"span should be ((α from, α to), (β from, β to)), but is {span}.")
    alpha, beta = (_axis(count, ends, name) for count, ends, name in zip(shape, span, ("alpha", "beta"), strict=True))
    rows, columns = np.meshgrid(np.arange(shape[0]), np.arange(shape[1]), indexing="ij")
    levels = np.minimum(_levels(shape[0])[:, None], _levels(shape[1])[None, :])
    order = np.argsort(-levels.ravel(), kind="stable")
    cells = np.column_stack([rows.ravel(), columns.ravel()])[order]
    return GridPlan(alpha, beta, cells, levels.ravel()[order])


def sparing(shape: tuple[int, int], most: int = 17) -> int:
    """The stride, a power of two, that leaves no more than `most` rows of a grid, 3, 5, 9, 17 or 33.

    >>> sparing((25, 25)), sparing((51, 51)), sparing((9, 9))
    (2, 4, 1)
    """
    stride = 1
    while (max(shape) - 1) / stride > most - 1:
        stride *= 2
    return stride


def finest_complete(measured: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Row and column indices of the finest level of which every point is measured, or None before the first.

    measured  (A, B) bool
    """
    found = [level for level in nested_grids((measured.shape[0], measured.shape[1])) if measured[np.ix_(*level)].all()]
    return found[-1] if found else None


def nested_grids(shape: tuple[int, int]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Row and column indices of each level's grid, coarsest first; each holds the one before, and the last is the whole.

    >>> [len(rows) for rows, _ in nested_grids((51, 51))]
    [3, 5, 9, 17, 33, 51]
    """
    axes = [_levels(n) for n in shape]
    levels = np.unique(np.concatenate(axes))[::-1]
    grids = [tuple(np.flatnonzero(axis >= min(level, axis.max())) for axis in axes) for level in levels]
    return [(rows, columns) for rows, columns in grids]


def _axis(count: int, ends: tuple[float, float], name: str) -> np.ndarray:
    low, high = float(ends[0]), float(ends[1])
    if not (np.isfinite(low) and np.isfinite(high)) or (count > 1 and low >= high):
        raise InputError(f"The span of {name} should run from a lower to a higher number, but is ({low:g}, {high:g}).")
    if max(abs(low), abs(high)) > FARTHEST:
        raise InputError(
            f"The span of {name} should stay under {FARTHEST:g} multiples of the direction, but is ({low:g}, {high:g})."
        )
    return np.linspace(low, high, count) if count > 1 else np.array([(low + high) / 2])


def _levels(count: int) -> np.ndarray:
    """The level of each index of an axis: the coarsest for its ends and its middle, then half of it for each halving."""
    levels = np.full(count, COARSEST)
    intervals, level = [(0, count - 1)], COARSEST
    while intervals:
        middles = [(a, (a + b) // 2, b) for a, b in intervals if b - a > 1]
        for _, middle, _ in middles:
            levels[middle] = level
        intervals = [pair for a, middle, b in middles for pair in ((a, middle), (middle, b))]
        level //= 2
    return levels
