"""Where each example lies on the map: its input where that is two-dimensional, else two principal components."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..checks import InputError


@dataclass(frozen=True)
class MapPoints:
    """Points of the map.

    points     (n, 2)
    kind       "inputs" as they are, "pca" of inputs, "activations" (PCA of them, or as they are in 2-D), "given"
    axes       what the two axes are, for people
    explained  the shares of variance of the two components; None where the points are shown as they are
    """

    points: np.ndarray
    kind: str
    axes: tuple[str, str]
    explained: tuple[float, float] | None = None


def placed(rows: np.ndarray, layer: str | None, seed: int = 0) -> MapPoints:
    """The rows (n, d) on a map: themselves for d = 2, else their PCA; for one dimension the second one is 0."""
    what = "input" if layer is None else f"activation of {layer}"
    if rows.shape[1] == 2:
        return MapPoints(rows, "inputs" if layer is None else "activations", (f"{what} 1", f"{what} 2"))
    points, explained = _principal(rows, seed)
    first, second = (f"PC {i + 1} ({100 * share:.3g} %)" for i, share in enumerate(explained))
    return MapPoints(points, "pca" if layer is None else "activations", (first, second), explained)


def given(coordinates: object, count: int) -> MapPoints:
    """The caller's own coordinates.

    Raises
    ------
    InputError  anything but finite numbers of shape (count, 2)
    """
    points = np.asarray(coordinates, dtype=np.float64)
    if points.shape != (count, 2) or not np.isfinite(points).all():
        raise InputError(
            f"coordinates should be finite numbers of shape ({count}, 2), one row per example, but have shape "
            f"{points.shape}{'' if np.isfinite(points).all() else ' and hold NaN or infinity'}."
        )
    return MapPoints(points, "given", ("first coordinate", "second coordinate"))


def _principal(rows: np.ndarray, seed: int) -> tuple[np.ndarray, tuple[float, float]]:
    from sklearn.decomposition import PCA  # here, because it takes as long to import as torch

    points, shares = np.zeros((len(rows), 2)), np.zeros(2)
    if not np.ptp(rows, axis=0).any():
        return points, (0.0, 0.0)  # all examples alike: there is no variance to explain
    count = min(2, *rows.shape)
    found = PCA(count, random_state=seed)
    points[:, :count] = found.fit_transform(rows)
    shares[:count] = found.explained_variance_ratio_
    return points, (float(shares[0]), float(shares[1]))
