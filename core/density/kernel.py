"""Kernel density estimate in the plane (Rosenblatt 1956, Parzen 1962), its bandwidth by cross-validated likelihood."""

from __future__ import annotations

import numpy as np

GRID = 80  # points along each axis
GRID_MARGIN = 3.0  # bandwidths beyond the outermost example
FOLDS = 5
FACTORS = np.geomspace(0.05, 2.0, 25)  # of the rule of thumb
MOST_EXAMPLES = 2000  # that the bandwidth is chosen on


def bandwidth_of(points: np.ndarray, seed: int = 0) -> float:
    """The Gaussian kernel's standard deviation that makes held-out points most likely, in the points' unit.

    Parameters
    ----------
    points  (n, 2)
    seed    of the five folds, and of the 2,000 examples that it is chosen on where there are more

    The candidates are 25 multiples of Scott's rule n^(−1/6) · σ, from 0.05 to 2. Places where several examples lie
    count once, since a kernel of no width would make a duplicate infinitely likely (Habbema et al. 1974, Duin 1976).
    """
    from sklearn.model_selection import GridSearchCV, KFold
    from sklearn.neighbors import KernelDensity

    places = np.unique(points, axis=0)
    if len(places) < 3:
        return float(np.ptp(places, axis=0).max()) or 1.0
    places = np.random.default_rng(seed).permutation(places)[:MOST_EXAMPLES]
    rule = len(places) ** (-1 / 6) * float(np.sqrt(places.var(axis=0).mean()))
    folds = KFold(min(FOLDS, len(places)), shuffle=True, random_state=seed)
    search = GridSearchCV(KernelDensity(), {"bandwidth": rule * FACTORS}, cv=folds, refit=False).fit(places)
    return float(search.best_params_["bandwidth"])


def kernel_density(points: np.ndarray, bandwidth: float, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The density over the grid of `x` and `y`, (len(x), len(y)), per unit of area; it integrates to 1 over the plane.

    A Gaussian in two dimensions is a product of two in one, so the whole grid is one product of matrices.

    >>> side = np.linspace(-6, 6, 121)
    >>> round(float(kernel_density(np.zeros((1, 2)), 1.0, side, side).sum() * 0.1**2), 6)
    1.0
    """
    across, up = (np.exp(-0.5 * ((side[:, None] - points[:, i]) / bandwidth) ** 2) for i, side in enumerate((x, y)))
    return np.asarray(across @ up.T / (len(points) * 2 * np.pi * bandwidth**2))


def grid_axes(points: np.ndarray, bandwidth: float) -> tuple[np.ndarray, np.ndarray]:
    """80 values along x and along y that reach three bandwidths beyond the outermost examples."""
    low, high = points.min(axis=0) - GRID_MARGIN * bandwidth, points.max(axis=0) + GRID_MARGIN * bandwidth
    return np.linspace(low[0], high[0], GRID), np.linspace(low[1], high[1], GRID)
