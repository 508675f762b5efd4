"""Kernel matrices between networks from features: linear and Gaussian, centred, of mean diagonal 1, and their sums."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.spatial.distance import pdist, squareform

WEIGHTS = (0.3, 1.0, 3.0)  # of the second kernel in a sum


def kernels_of(features: np.ndarray) -> dict[str, np.ndarray]:
    """{"linear", "gaussian"} → kernel (n, n) of standardised features (n, k); the Gaussian's width is the median distance.

    >>> found = kernels_of(np.random.default_rng(0).normal(size=(6, 3)))
    >>> sorted(found), round(float(np.diag(found["linear"]).mean()), 12)
    (['gaussian', 'linear'], 1.0)
    """
    spread = features.std(0)
    kept = spread > 1e-12 * np.maximum(np.abs(features).max(0), 1e-300)  # a constant says nothing
    rows = (features[:, kept] - features[:, kept].mean(0)) / spread[kept]
    if rows.shape[1] == 0:
        return {"linear": np.zeros((len(features),) * 2), "gaussian": np.zeros((len(features),) * 2)}
    squared = squareform(pdist(rows, "sqeuclidean"))
    gaussian = np.exp(-squared / (2 * np.median(squared[np.triu_indices(len(rows), 1)])))
    return {"linear": scaled(rows @ rows.T), "gaussian": scaled(gaussian)}


def scaled(kernel: np.ndarray) -> np.ndarray:
    """The kernel of centred features, its mean diagonal 1."""
    centred = kernel - kernel.mean(0) - kernel.mean(1)[:, None] + kernel.mean()
    size = np.diag(centred).mean()
    return np.asarray(centred / size if size > 1e-300 else centred)


def sums_of(first: Mapping[str, np.ndarray], second: Mapping[str, np.ndarray]) -> Sequence[np.ndarray]:
    """The first's own kernels, so that the second can be declined, then sums of like kinds with weights 0.3, 1, 3.

    Kinds are what stands before ":" in a name, if anything does.
    """
    own = list(first.values())
    pairs = [(a, second[name.partition(":")[0]]) for name, a in first.items()]
    return own + [scaled(a + weight * b) for a, b in pairs for weight in WEIGHTS]
