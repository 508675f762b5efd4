"""Values between measured points of a grid, and how wrong they may be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy

from .display_scale import DisplayScales
from .leave_one_out import foretold
from .staircase import COUNTED, between_neighbours, step_of


@dataclass(frozen=True)
class Places:
    """A grid on which some points are measured.

    measured  (A, B) bool
    """

    measured: np.ndarray

    @cached_property
    def steps(self) -> tuple[float, float]:
        """The grid's spacing along each axis, in units of the grid's extent along it."""
        first, second = (1.0 / max(n - 1, 1) for n in self.measured.shape)
        return first, second

    @cached_property
    def coordinates(self) -> np.ndarray:
        """(A B, d), in [0, 1]; axes of one point are left out."""
        axes = [np.arange(n) * step for n, step in zip(self.measured.shape, self.steps, strict=True)]
        grid = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 2)
        return grid[:, [n > 1 for n in self.measured.shape]]

    @cached_property
    def gaps(self) -> np.ndarray:
        """(A, B) distance to the nearest measured point."""
        found: np.ndarray = scipy.ndimage.distance_transform_edt(~self.measured, sampling=self.steps)
        return found

    @cached_property
    def width(self) -> float:
        """The widest circle without a measured point, in units of the grid's extent: what is narrower could hide there."""
        return 2 * float(self.gaps.max())

    @cached_property
    def outer(self) -> np.ndarray:
        """(A, B) bool: points no further from the border than from the nearest measured point."""
        edge = np.full(self.measured.shape, np.inf)
        for axis, (n, step) in enumerate(zip(self.measured.shape, self.steps, strict=True)):
            if n > 1:
                near = np.minimum(np.arange(n), n - 1 - np.arange(n)) * step
                edge = np.minimum(edge, near[:, None] if axis == 0 else near[None, :])
        return edge <= self.gaps


@dataclass(frozen=True)
class Appraisal:
    """One readout everywhere.

    values   (A, B): measured where measured, interpolated between
    shares   (A, B): the estimated error as a share of the drawn range; 0 where measured, infinite where nothing is known
    drawing  the scales that shares are of
    """

    values: np.ndarray
    shares: np.ndarray
    drawing: DisplayScales | None

    @property
    def errors(self) -> np.ndarray:
        """(A, B): the estimated error in the readout's own unit; NaN where the value is no number."""
        if self.drawing is None:
            return np.where(self.shares > 0, np.inf, 0.0)
        found = np.where(self.shares > 0, self.drawing.error(self.values, self.shares), 0.0)
        return np.where(np.isfinite(self.values), found, np.where(self.shares > 0, np.inf, 0.0))


def appraise(
    places: Places,
    readouts: Mapping[str, np.ndarray],
    scales: Mapping[str, tuple[str, ...]],
    clips: Mapping[str, float | None] | None = None,
) -> dict[str, Appraisal]:
    """Values and errors of several readouts on one grid.

    Parameters
    ----------
    readouts  name → (A, B); what lies outside `places.measured` is not looked at
    scales    name → the scales that it counts on
    clips     name → where its drawing is cut off, or None

    Returns
    -------
    name → Appraisal. Values that are no numbers spread to the points nearest to them, and the error is infinite where a
    point lies between numbers and such values.
    """
    clips = clips or {}
    groups: dict[bytes, list[str]] = {}
    for name, values in readouts.items():
        groups.setdefault((places.measured & np.isfinite(values)).tobytes(), []).append(name)
    appraisals: dict[str, Appraisal] = {}
    for key, names in groups.items():
        known = np.frombuffer(key, bool).reshape(places.measured.shape)
        numbers = {name: readouts[name][known].astype(float) for name in names}
        drawings = {name: DisplayScales.of(v, scales[name], clips.get(name)) for name, v in numbers.items() if len(v)}
        smooth = {name: v for name, v in numbers.items() if name in drawings and not _is_staircase(name, v)}
        left_out = foretold(places.coordinates, known.ravel(), smooth, drawings) if smooth else {}
        for name in names:
            if name in drawings and name not in smooth:
                left_out[name] = _stairs(places, known, numbers[name], drawings[name])
            appraisals[name] = _foretold(places, readouts[name], left_out.get(name), drawings.get(name))
    return {name: appraisals[name] for name in readouts}


def _is_staircase(name: str, values: np.ndarray) -> bool:
    return name in COUNTED and step_of(values) is not None


def _stairs(
    places: Places, known: np.ndarray, values: np.ndarray, drawing: DisplayScales
) -> tuple[np.ndarray, np.ndarray]:
    found, apart = between_neighbours(places.coordinates, known.ravel(), values)
    return found, drawing.share(found + apart, found)


def _foretold(
    places: Places, given: np.ndarray, left_out: tuple[np.ndarray, np.ndarray] | None, drawing: DisplayScales | None
) -> Appraisal:
    if left_out is None or drawing is None:
        return _unknown(places, given, drawing)
    values, shares = (each.reshape(given.shape) for each in left_out)
    return _finished(places, given, values, shares, drawing)


def _unknown(places: Places, given: np.ndarray, drawing: DisplayScales | None) -> Appraisal:
    """The nearest value everywhere, of which nothing is known."""
    measured = places.measured
    nearest = given[tuple(scipy.ndimage.distance_transform_edt(~measured, return_distances=False, return_indices=True))]
    unknown = np.where(measured | (drawing is None), 0.0, np.inf)  # nothing but infinities and NaN: more of them
    return Appraisal(np.where(measured, given, nearest), unknown, drawing)


def _finished(
    places: Places,
    given: np.ndarray,
    values: np.ndarray,
    shares: np.ndarray,
    drawing: DisplayScales,
) -> Appraisal:
    """Values with the measured ones put in, and errors where they mean something."""
    measured = places.measured
    strange = measured & ~np.isfinite(given)
    values = np.where(measured, given, values)
    shares = np.where(np.isfinite(values) & np.isfinite(shares), shares, np.inf)  # one that overflows says nothing
    if strange.any():
        values, shares = _with_strange(places, given, strange, values, shares)
    return Appraisal(values, np.where(measured, 0.0, shares), drawing)


def _with_strange(
    places: Places, given: np.ndarray, strange: np.ndarray, values: np.ndarray, shares: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Where infinities and NaN were measured, the points nearest to them are taken for the same."""
    spots, odd = places.coordinates[places.measured.ravel()], strange[places.measured]
    tree = scipy.spatial.cKDTree(spots)
    near = tree.query(places.coordinates, k=min(4, len(spots)))[1].reshape(len(places.coordinates), -1)
    nearest, mixed = odd[near[:, 0]], odd[near].any(1) & ~odd[near].all(1)
    known = given[places.measured]
    values = np.where(nearest.reshape(values.shape), known[near[:, 0]].reshape(values.shape), values)
    shares = np.where(nearest.reshape(values.shape), 0.0, shares)
    return values, np.where(mixed.reshape(values.shape), np.inf, shares)
