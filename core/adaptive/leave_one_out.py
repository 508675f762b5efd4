"""Interpolation between few measured points, and how wrong it may be, from leaving each of them out.

What the others say of a measured point is known without measuring more (Rippa 1999). The error foretold at a place is what leaving
out showed at the points around it, scaled by how far the place is from what is measured, as those were from the others. It follows
from the measured points and their values alone: whatever they were measured for, the same points state the same error.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np
import scipy

from ..machine.threads import one_blas_thread
from .display_scale import DisplayScales
from .transforms import transform, transforms_for

QUINTIC, CUBIC = 5, 3  # the powers of the distance
MANY = 2000  # points from which each place is interpolated from its neighbours alone
NEIGHBOURS = 60
NEAREST = 6  # points that speak for a place
ERROR_MARGIN = 6.0  # times the root mean square of what they were off by (docs/accuracy.md says how it was chosen)

LEAST = 0.5  # of what most places are below: a place is never thought much better than the rest
MOST_PLACES = 0.8  # the quantile that "most" is
AROUND = 4  # neighbours that say how far a place is from what is measured
ORDER = 1.5  # the power of that distance with which errors grow: a cubic spline's in its native space (Wendland 2005, table 11.1)
ROUNDING = 1e-8  # of the drawn range: a spline's own rounding, where there is nothing else
AT_ONCE = 4096  # places, which bounds the memory


@dataclass(frozen=True)
class Spline:
    """A polyharmonic spline through k known points, for c columns of data.

    everywhere      (m, c) its values at every place
    left_out        (k, c) at each known point, what the spline through the others says
    """

    everywhere: np.ndarray
    left_out: np.ndarray


def spline(places: np.ndarray, known: np.ndarray, data: np.ndarray, power: int) -> Spline | None:
    """Of `data` (k, c) at the known ones of `places` (m, d); None where these are too few, or lie on one curve.

    From MANY points on, each place is interpolated from the nearest NEIGHBOURS alone.

    >>> axis = np.linspace(0, 1, 5); places = np.stack(np.meshgrid(axis, axis), -1).reshape(-1, 2)
    >>> known = np.arange(25) % 2 == 0
    >>> found = spline(places, known, (1 + places.sum(1))[known, None], CUBIC)      # a plane, which all of them hold exactly
    >>> bool(np.allclose(found.everywhere[:, 0], 1 + places.sum(1))), bool(np.allclose(found.left_out[:, 0], 1 + places[known].sum(1)))
    (True, True)
    """
    spots = places[known]
    degree = 2 if len(spots) >= 2 * math.comb(2 + places.shape[1], 2) else 1
    terms = math.comb(degree + places.shape[1], degree)
    if len(spots) <= terms + 1 or np.linalg.matrix_rank(_monomials(spots, degree)) < terms:
        return None
    try:
        if len(spots) > MANY:
            return _from_neighbours(places, spots, data, power, degree)
        return _from_all(places, spots, data, power, degree)
    except np.linalg.LinAlgError:
        return None


@one_blas_thread
def foretold(
    places: np.ndarray, known: np.ndarray, values: Mapping[str, np.ndarray], drawings: Mapping[str, DisplayScales]
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Several readouts at every place, and how wrong they may be.

    Parameters
    ----------
    places    (m, d) coordinates
    known     (m,) bool
    values    name → (k,) at the known places, finite
    drawings  name → what its error is a share of

    Returns
    -------
    name → (values (m,), errors as shares of the drawn range (m,)), both of the mean of two splines, of orders 5 and 3, under the
    transform for which leaving points out did least harm. Empty where the known places are too few, or on one line.
    """
    columns = [(name, which) for name, v in values.items() for which in transforms_for(v)]
    sides = [transform(which, drawings[name].unit) for name, which in columns]
    data = np.stack([side.there(values[name]) for side, (name, _) in zip(sides, columns, strict=True)], axis=1)
    middle, spread = data.mean(0), data.std(0)
    spread[spread == 0] = 1.0
    quintic, cubic = (spline(places, known, (data - middle) / spread, power) for power in (QUINTIC, CUBIC))
    if quintic is None or cubic is None:
        return {}
    there = [
        (mean * spread + middle).T
        for mean in ((quintic.everywhere + cubic.everywhere) / 2, (quintic.left_out + cubic.left_out) / 2)
    ]
    best: dict[str, tuple[float, np.ndarray, np.ndarray]] = {}
    with np.errstate(over="ignore", invalid="ignore"):  # an interpolant may leave what numbers there are
        for (name, _), side, everywhere, left_out in zip(columns, sides, *there, strict=True):
            drawing = drawings[name]
            off = drawing.share(np.maximum(side.back(left_out), drawing.floor), values[name])
            off = np.where(np.isfinite(off), off, np.inf)
            most = float(np.quantile(off, 0.9))
            if name not in best or most < best[name][0]:
                best[name] = most, np.maximum(side.back(everywhere), drawing.floor), off
        near, far, far_left_out = neighbourhoods(places, known)
        return {name: (shown, errors(off / far_left_out, near, far)) for name, (_, shown, off) in best.items()}


def neighbourhoods(places: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The known points `near` (m, n) each place, how far it is from them (m,), and how far each known point is from the others (k,).

    Far is the geometric mean of the nearest's distance and of the mean over the nearest AROUND, to the power ORDER.

    >>> places = np.arange(9.0)[:, None]; known = np.arange(9) % 4 == 0
    >>> _, far, others = neighbourhoods(places, known)
    >>> apart = [1.0, 3.0, 7.0]  # of place 1 from those known
    >>> bool(np.isclose(far[1], (1.0 * np.mean(apart)) ** (ORDER / 2))), bool(np.isclose(far[2], (2 * 10 / 3) ** 0.75)), bool(np.isclose(others[0], (4 * 6) ** 0.75))
    (True, True, True)
    """
    spots = places[known]
    tree, count = scipy.spatial.cKDTree(spots), len(spots)
    apart, near = (each.reshape(len(places), -1) for each in tree.query(places, k=min(NEAREST, count)))
    others = tree.query(spots, k=min(AROUND + 1, count))[0][:, 1:]  # the nearest of all is the point itself
    return near, _far(apart[:, :AROUND]), _far(others)


def errors(ratios: np.ndarray, near: np.ndarray, far: np.ndarray) -> np.ndarray:
    """From errors over distances (k,) where points were left out, those `near` (m, n) each place, and its own distance (m,)."""
    nearby = np.sqrt(np.square(ratios)[near].mean(1))
    least = LEAST * float(np.quantile(nearby, MOST_PLACES))  # of places, as points crowd where it is rough
    found: np.ndarray = ERROR_MARGIN * np.maximum(nearby, least) * far + ROUNDING
    return found


def _far(apart: np.ndarray) -> np.ndarray:
    found: np.ndarray = np.sqrt(apart[:, 0] * apart.mean(1)) ** ORDER
    return found


def _monomials(spots: np.ndarray, degree: int) -> np.ndarray:
    """(…, n, d) → (…, n, terms): all products of up to `degree` coordinates."""
    axes = range(spots.shape[-1])
    chosen = (c for order in range(degree + 1) for c in combinations_with_replacement(axes, order))
    return np.stack([spots[..., list(c)].prod(-1) for c in chosen], axis=-1)


def _matrix(distances: np.ndarray, monomials: np.ndarray, power: int) -> np.ndarray:
    """The system of a spline's weights, (…, n + terms, n + terms)."""
    corner = np.zeros((*monomials.shape[:-2], monomials.shape[-1], monomials.shape[-1]))
    upper = np.concatenate([_kernel(distances, power), monomials], -1)
    return np.concatenate([upper, np.concatenate([monomials.swapaxes(-1, -2), corner], -1)], -2)


def _kernel(distances: np.ndarray, power: int) -> np.ndarray:
    """±rᵖ, with the sign that makes it conditionally positive definite; products, as powers take ten times as long."""
    squares = distances * distances
    return squares * distances if power == CUBIC else -squares * squares * distances


def _from_all(places: np.ndarray, spots: np.ndarray, data: np.ndarray, power: int, degree: int) -> Spline:
    count = len(spots)
    inverse = np.linalg.inv(_matrix(scipy.spatial.distance.cdist(spots, spots), _monomials(spots, degree), power))
    weights = inverse[:, :count] @ data
    parts = [places[start : start + AT_ONCE] for start in range(0, len(places), AT_ONCE)]
    everywhere = [
        _kernel(scipy.spatial.distance.cdist(part, spots), power) @ weights[:count]
        + _monomials(part, degree) @ weights[count:]
        for part in parts
    ]
    return Spline(np.concatenate(everywhere), data - weights[:count] / np.diag(inverse)[:count, None])


def _from_neighbours(places: np.ndarray, spots: np.ndarray, data: np.ndarray, power: int, degree: int) -> Spline:
    tree = scipy.spatial.cKDTree(spots)
    others = tree.query(spots, NEIGHBOURS + 1)[1][:, 1:]  # the nearest of all is the point itself
    everywhere = _nearby(places, tree.query(places, NEIGHBOURS)[1], spots, data, power, degree)
    return Spline(everywhere, _nearby(spots, others, spots, data, power, degree))


def _nearby(
    places: np.ndarray, near: np.ndarray, spots: np.ndarray, data: np.ndarray, power: int, degree: int
) -> np.ndarray:
    """Values (m, c) at places (m, d), each from its own points `near` (m, n)."""
    values = []
    for start in range(0, len(places), AT_ONCE // NEIGHBOURS):
        part = slice(start, start + AT_ONCE // NEIGHBOURS)
        here, chosen = spots[near[part]], near[part]
        apart = np.linalg.norm(here[:, :, None] - here[:, None], axis=-1)
        gaps = np.linalg.norm(places[part, None] - here, axis=-1)
        row = np.concatenate([_kernel(gaps, power), _monomials(places[part], degree)], -1)
        weights = np.linalg.solve(_matrix(apart, _monomials(here, degree), power), row[..., None])[..., 0]
        values.append(np.einsum("mn,mnc->mc", weights[:, : near.shape[1]], data[chosen]))
    return np.concatenate(values)
