"""Interpolants of scattered points of a grid, and how far they disagree.

Polyharmonic splines (Duchon 1977; Wahba 1990) of orders 5 and 3, each through the values under several transforms
(Box & Cox 1964). Where all agree the terrain is known; where they part it is not (query by committee, Seung et al. 1992).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy.interpolate import RBFInterpolator

POSITIVE = ("1", "0.5", "0.25", "log")  # powers, and the power 0
SIGNED = ("1", "asinh")
KERNELS = ("quintic", "cubic")
FEWEST = 6  # points that fix the polynomials of the smaller degrees
MANY = 1200  # points from which each place is interpolated from its neighbours alone
NEIGHBOURS = 60

Member = tuple[str, str]  # kernel, transform


@dataclass(frozen=True)
class Transform:
    """A monotone map and its inverse."""

    there: Callable[[np.ndarray], np.ndarray]
    back: Callable[[np.ndarray], np.ndarray]


def transform(name: str, unit: float) -> Transform:
    """A transform by its name; `unit` is asinh's.

    >>> [round(float(transform(n, 2.0).back(transform(n, 2.0).there(np.array(3.0)))), 9) for n in (*POSITIVE, "asinh")]
    [3.0, 3.0, 3.0, 3.0, 3.0]
    """
    if name == "log":
        return Transform(np.log, lambda v: np.exp(np.minimum(v, 700.0)))
    if name == "asinh":
        return Transform(lambda v: np.arcsinh(v / unit), lambda v: unit * np.sinh(np.clip(v, -700.0, 700.0)))
    power = float(name)
    if power == 1:
        return Transform(lambda v: v, lambda v: v)
    return Transform(lambda v: v**power, lambda v: np.maximum(v, 0.0) ** (1 / power))


def transforms_for(values: np.ndarray) -> tuple[str, ...]:
    """The names that fit values: powers where all are positive."""
    return POSITIVE if bool((values > 0).all()) else SIGNED


def interpolants(
    places: np.ndarray, known: np.ndarray, values: Mapping[str, np.ndarray], units: Mapping[str, float]
) -> dict[str, dict[Member, np.ndarray]]:
    """Every member's value at every place, for several readouts known at the same places.

    Parameters
    ----------
    places  (m, d) coordinates, in units of the grid's extent
    known   (m,) bool
    values  name → (k,) at the known places, finite
    units   name → asinh's unit

    Returns
    -------
    name → {(kernel, transform): (m,)}; empty where the known places are too few, or on one line

    >>> axis = np.linspace(0, 1, 9); places = np.stack(np.meshgrid(axis, axis), -1).reshape(-1, 2)
    >>> truth = 1 + (places**2).sum(1); known = np.arange(81) % 2 == 0
    >>> found = interpolants(places, known, {"bowl": truth[known]}, {"bowl": 1.0})["bowl"]
    >>> bool(abs(found["quintic", "1"] - truth).max() < 1e-9)
    True
    """
    columns = [(name, which) for name, v in values.items() for which in transforms_for(v)]
    sides = {(name, which): transform(which, units[name]) for name, which in columns}
    data = np.stack([sides[name, which].there(values[name]) for name, which in columns], axis=1)
    middle, spread = data.mean(0), data.std(0)
    spread[spread == 0] = 1.0
    found: dict[str, dict[Member, np.ndarray]] = {name: {} for name in values}
    for kernel in KERNELS:
        everywhere = _spline(places, known, (data - middle) / spread, kernel)
        if everywhere is None:
            return {}
        with np.errstate(over="ignore", invalid="ignore"):  # an interpolant may leave what numbers there are
            back = [sides[c].back(column) for c, column in zip(columns, (everywhere * spread + middle).T, strict=True)]
        for (name, which), column in zip(columns, back, strict=True):
            found[name][kernel, which] = column
    return found


def middle(found: Mapping[Member, np.ndarray], which: str, unit: float, floor: float) -> np.ndarray:
    """The mean of the two kernels under one transform: what is shown."""
    side = transform(which, unit)
    both = [side.there(np.maximum(found[kernel, which], floor)) for kernel in KERNELS]
    return side.back(np.mean(both, axis=0))


def _spline(places: np.ndarray, known: np.ndarray, data: np.ndarray, kernel: str) -> np.ndarray | None:
    count = int(known.sum())
    if count < FEWEST:
        return None
    degree = 3 if kernel == "quintic" else 2
    if count < 2 * math.comb(degree + places.shape[1], degree):  # as many again as the polynomial has terms
        degree -= 1
    neighbours = NEIGHBOURS if count > MANY else None
    try:
        return np.asarray(RBFInterpolator(places[known], data, neighbours, kernel=kernel, degree=degree)(places))
    except np.linalg.LinAlgError:
        return None
