"""Readouts that count: shares of few examples, which go up and down in steps and have no slope between them."""

from __future__ import annotations

import numpy as np
import scipy

MOST_STEPS = 500  # between the lowest and the highest: with more of them a count is as good as smooth
COUNTED = ("accuracy", "error")
NEAREST = 6


def step_of(values: np.ndarray) -> float | None:
    """The height of a stair among finite values (k,), or None where they are no staircase.

    >>> step_of(np.array([0.1, 0.3, 0.2, 0.3])), step_of(np.linspace(0, 1, 1000) ** 2), step_of(np.ones(3))
    (0.1, None, 0.0)
    """
    levels = np.unique(np.round(values, 9))
    if len(levels) < 2:
        return 0.0
    step = float(np.diff(levels).min())
    return round(step, 9) if np.ptp(levels) <= MOST_STEPS * step else None


def between_neighbours(places: np.ndarray, known: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Values (m,) at every place, on the straight line or plane through its neighbours, and how wrong they may be.

    The error is how far the six nearest measured values differ, and a step, as the truth is one of the stairs between them.

    Parameters
    ----------
    places  (m, d) coordinates
    known   (m,) bool
    values  (k,) at the known places, finite
    """
    spots = places[known]
    near = scipy.spatial.cKDTree(spots).query(places, k=min(NEAREST, len(spots)))[1].reshape(len(places), -1)
    around = values[near]
    interpolated = values[near[:, 0]].astype(float)
    if places.shape[1] == 1:
        order = np.argsort(spots[:, 0])
        interpolated = np.interp(places[:, 0], spots[order, 0], values[order])
    else:
        interpolated = _on_triangles(places, spots, values, interpolated)
    interpolated[known] = values
    return interpolated, np.where(known, 0.0, np.ptp(around, axis=1) + (step_of(values) or 0.0))


def _on_triangles(places: np.ndarray, spots: np.ndarray, values: np.ndarray, otherwise: np.ndarray) -> np.ndarray:
    try:
        net = scipy.spatial.Delaunay(spots)
    except (scipy.spatial.QhullError, ValueError):  # too few, or on one line
        return otherwise
    which = net.find_simplex(places)
    flat = net.transform[which, :2]
    corner = np.einsum("mij,mj->mi", flat, places - net.transform[which, 2])
    shares = np.concatenate([corner, 1 - corner.sum(1, keepdims=True)], 1)
    found = (shares * values[net.simplices[which]]).sum(1)
    return np.where((which >= 0) & np.isfinite(found), found, otherwise)
