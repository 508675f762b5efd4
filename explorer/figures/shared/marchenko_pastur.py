"""The Marchenko–Pastur law: the density of the eigenvalues of XᵀX/n for n × p Gaussian data X, and how it is drawn."""

from __future__ import annotations

import numpy as np

from .style import BLUE

LAW_LINE = {"color": BLUE, "width": 2, "dash": "dash"}


def marchenko_pastur(values: np.ndarray, ratio: float, variance: float) -> np.ndarray:
    """Density of the Marchenko–Pastur law at `values`, for p/n = ratio ≤ 1 and noise variance σ².

    >>> grid = np.linspace(0.2, 2.3, 20001)
    >>> round(float(np.sum(marchenko_pastur(grid, 0.25, 1.0)) * (grid[1] - grid[0])), 3)
    1.0
    """
    low, high = (variance * (1 + s * ratio**0.5) ** 2 for s in (-1, 1))
    inside = (values > low) & (values < high)
    density = np.zeros_like(values, dtype=float)
    x = values[inside]
    density[inside] = np.sqrt((high - x) * (x - low)) / (2 * np.pi * variance * ratio * x)
    return density
