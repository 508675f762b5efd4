"""How dense the data are around each example, in the full space: the distance to the k-th neighbour (Loftsgaarden & Quesenberry 1965)."""

from __future__ import annotations

import numpy as np

from ..checks import InputError

NEIGHBOURS = 10
SLICE_NUMBERS = 4_000_000  # differences held at once


def neighbour_density(rows: np.ndarray, k: int = NEIGHBOURS) -> np.ndarray:
    """−ln of the Euclidean distance from each row to its k-th nearest other row, (n,); high where the data are dense.

    Parameters
    ----------
    rows  (n, d), one row per example
    k     which neighbour; n − 1 where there are fewer

    An example with k duplicates has distance 0, whose logarithm is infinite: it gets the smallest positive
    distance that occurs, so duplicates tie for the densest place. Where every distance is 0 the density is 0.

    Raises
    ------
    InputError  fewer than two rows; k below 1

    >>> neighbour_density(np.array([[0.0], [1.0], [3.0]]), k=1).round(3).tolist()  # distances 1, 1, 2
    [0.0, 0.0, -0.693]
    """
    from sklearn.neighbors import NearestNeighbors  # here, because it takes as long to import as torch

    rows = np.ascontiguousarray(rows, dtype=np.float64)
    if len(rows) < 2:
        raise InputError(f"A density from neighbours needs at least two examples, but there is {len(rows)}: give more.")
    if k < 1:
        raise InputError(f"k should be 1 or more, but is {k}: 10 is the usual choice.")
    # without an argument a row is no neighbour of itself, whatever its duplicates
    found = NearestNeighbors(n_neighbors=min(k, len(rows) - 1)).fit(rows).kneighbors(return_distance=False)
    distances = _distances(rows, found[:, -1])
    positive = distances[distances > 0]
    floor = positive.min() if positive.size else 1.0
    return np.asarray(0.0 - np.log(np.maximum(distances, floor)))  # 0 − x, since −x makes −0.0 of 0


def _distances(rows: np.ndarray, others: np.ndarray) -> np.ndarray:
    """From each row to another, by differences: scikit-learn's |x|² − 2xy + |y|² gives duplicates 1e-8 instead of 0."""
    step = max(1, SLICE_NUMBERS // max(1, rows.shape[1]))
    parts = (slice(start, start + step) for start in range(0, len(rows), step))
    return np.concatenate([np.linalg.norm(rows[part] - rows[others[part]], axis=1) for part in parts])
