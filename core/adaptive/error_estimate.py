"""Values between measured points of a grid, and how wrong they may be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.ndimage import distance_transform_edt
from scipy.spatial import cKDTree

from .calibration import BORDER, Experience
from .committee import Member, interpolants, middle
from .display_scale import Drawing
from .leave_one_out import foretold


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
        found: np.ndarray = distance_transform_edt(~self.measured, sampling=self.steps)
        return found

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
    doubt    (A, B): how far the committee disagrees, as a share of the drawn range; 0 where measured
    shares   (A, B): the estimated error as a share of the drawn range; 0 where measured, infinite where nothing is known
    members  what each interpolant says, (A, B) each
    drawing  the scales that shares are of
    """

    values: np.ndarray
    doubt: np.ndarray
    shares: np.ndarray
    members: Mapping[Member, np.ndarray]
    drawing: Drawing | None

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
    experiences: Mapping[str, Experience] | None,
    clips: Mapping[str, float | None] | None = None,
) -> dict[str, Appraisal]:
    """Values and errors of several readouts on one grid.

    Parameters
    ----------
    readouts     name → (A, B); what lies outside `places.measured` is not looked at
    scales       name → the scales that it counts on
    experiences  name → what refining has taught so far; None: errors from leaving out each of the measured points, for
                 what is too costly to measure points only to learn from them

    Returns
    -------
    name → Appraisal. Values that are no numbers spread to the points nearest to them, and the error is infinite where a
    point lies between numbers and such values.
    """
    clips = clips or {}
    groups: dict[bytes, list[str]] = {}
    for name, values in readouts.items():
        groups.setdefault((places.measured & np.isfinite(values)).tobytes(), []).append(name)
    found: dict[str, Appraisal] = {}
    for key, names in groups.items():
        known = np.frombuffer(key, bool).reshape(places.measured.shape)
        numbers = {name: readouts[name][known].astype(float) for name in names}
        drawings = {name: Drawing.of(v, scales[name], clips.get(name)) for name, v in numbers.items() if len(v)}
        if experiences is None:
            left_out = foretold(places.coordinates, known.ravel(), numbers, drawings) if drawings else {}
            found |= {name: _foretold(places, readouts[name], left_out.get(name), drawings.get(name)) for name in names}
            continue
        units = {name: drawing.unit for name, drawing in drawings.items()}
        members = interpolants(places.coordinates, known.ravel(), numbers, units) if drawings else {}
        for name in names:
            own = {m: v.reshape(known.shape) for m, v in members.get(name, {}).items()}
            drawing = drawings.get(name)
            lesson = experiences.get(name, Experience())
            lesson = lesson if lesson.transform else replace(lesson, transform=_natural(scales[name]))
            found[name] = _appraised(places, readouts[name], own, drawing, lesson)
    return {name: found[name] for name in readouts}


def _foretold(
    places: Places, given: np.ndarray, left_out: tuple[np.ndarray, np.ndarray] | None, drawing: Drawing | None
) -> Appraisal:
    if left_out is None or drawing is None:
        return _unknown(places, given, {}, drawing)
    values, shares = (each.reshape(given.shape) for each in left_out)
    return _finished(places, given, values, shares, np.zeros(given.shape), {}, drawing)


def _natural(scales: tuple[str, ...]) -> str:
    """The transform that a readout is drawn under: the best guess while nothing was foretold."""
    return "log" if "log" in scales else "asinh" if "symlog" in scales else "1"


def _appraised(
    places: Places, given: np.ndarray, members: dict[Member, np.ndarray], drawing: Drawing | None, lesson: Experience
) -> Appraisal:
    if not members or drawing is None:
        return _unknown(places, given, members, drawing)
    which = lesson.transform if ("quintic", lesson.transform) in members else "1"
    values = middle(members, which, drawing.unit, drawing.floor)
    trusted = [m for name, m in members.items() if "/".join(name) in lesson.good or name[1] == which]
    doubt = np.max([drawing.share(m, np.maximum(values, drawing.floor)) for m in trusted], axis=0)
    shares = lesson.factors(places.measured.shape, places.steps) * doubt
    shares = np.where(places.outer, BORDER, 1.0) * shares
    return _finished(places, given, values, shares, doubt, members, drawing)


def _unknown(
    places: Places, given: np.ndarray, members: dict[Member, np.ndarray], drawing: Drawing | None
) -> Appraisal:
    """The nearest value everywhere, of which nothing is known."""
    measured = places.measured
    nearest = given[tuple(distance_transform_edt(~measured, return_distances=False, return_indices=True))]
    unknown = np.where(measured | (drawing is None), 0.0, np.inf)  # nothing but infinities and NaN: more of them
    return Appraisal(np.where(measured, given, nearest), unknown, unknown, members, drawing)


def _finished(
    places: Places,
    given: np.ndarray,
    values: np.ndarray,
    shares: np.ndarray,
    doubt: np.ndarray,
    members: dict[Member, np.ndarray],
    drawing: Drawing,
) -> Appraisal:
    """What was measured put in, and errors where they mean something."""
    measured = places.measured
    strange = measured & ~np.isfinite(given)
    values = np.where(measured, given, values)
    shares = np.where(np.isfinite(values) & np.isfinite(shares), shares, np.inf)  # one that overflows says nothing
    if strange.any():
        values, shares = _with_strange(places, given, strange, values, shares)
    return Appraisal(values, np.where(measured, 0.0, doubt), np.where(measured, 0.0, shares), members, drawing)


def _with_strange(
    places: Places, given: np.ndarray, strange: np.ndarray, values: np.ndarray, shares: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Where infinities and NaN were measured, the points nearest to them are taken for the same."""
    spots, odd = places.coordinates[places.measured.ravel()], strange[places.measured]
    tree = cKDTree(spots)
    near = tree.query(places.coordinates, k=min(4, len(spots)))[1].reshape(len(places.coordinates), -1)
    nearest, mixed = odd[near[:, 0]], odd[near].any(1) & ~odd[near].all(1)
    known = given[places.measured]
    values = np.where(nearest.reshape(values.shape), known[near[:, 0]].reshape(values.shape), values)
    shares = np.where(nearest.reshape(values.shape), 0.0, shares)
    return values, np.where(mixed.reshape(values.shape), np.inf, shares)
