"""The training path as a film: what is said at each checkpoint."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from ..figures.shared.isolines import heights_at
from ..figures.shared.picture import Layer, class_scale, gap_text, name_of, path_inside
from ..figures.shared.scales import Scale, format_value
from ..figures.shared.units import short_unit

LOSS = "loss"


@dataclass(frozen=True)
class Frame:
    """A checkpoint of the path.

    step      of the training
    inside    whether its place lies in the picture
    plane     the loss on the plane at its place; measured there, or (`between`) interpolated between grid points
    true      the loss of the checkpoint itself; None: not stored
    off       its distance from the plane, in parameter units
    readouts  (name, value with its unit) at its place, interpolated between grid points
    gap       why there is nothing to interpolate from, where `plane` is no number
    """

    step: int
    inside: bool
    plane: float
    between: bool
    true: float | None
    off: float
    readouts: tuple[tuple[str, str], ...] = ()
    gap: str = ""

    @property
    def plane_text(self) -> str:
        """The loss on the plane, "≈" before what is interpolated."""
        if self.between and not math.isfinite(self.plane):
            return self.gap or format_value(self.plane)
        return f"{'≈ ' if self.between else ''}{format_value(self.plane)}"

    @property
    def says(self) -> list[tuple[str, str]]:
        """(name, value) of all that is known there."""
        place = [] if self.inside else [("place", "outside this picture")]
        if self.inside or not self.between:
            place.append(("loss on the plane", self.plane_text))
        checkpoint = [] if self.true is None else [("of the checkpoint itself", format_value(self.true))]
        return [*place, *checkpoint, ("off the plane", format_value(self.off)), *self.readouts]


def frames(land: xr.Dataset, variables: Sequence[str] = ()) -> tuple[Frame, ...]:
    """A frame for each checkpoint, with the readouts `variables` there; none where the picture has no path.

    The losses are those that the survey's fidelity stored, exact at each checkpoint; without them the plane's is linear
    between grid points.
    """
    path = None if min(land.sizes["alpha"], land.sizes["beta"]) < 2 else path_inside(land)
    if path is None:
        return ()
    place = path["path_alpha"].values, path["path_beta"].values
    inside = np.isfinite(place[0]) & np.isfinite(place[1])
    stored = _stored(land, len(inside))
    between = heights_at(land, Layer(LOSS, Scale()), *place)
    plane = stored.get("plane_loss")
    read = [(name_of(land, v), _read(land, v, place)) for v in dict.fromkeys(variables) if v in land and v != LOSS]
    return tuple(
        Frame(
            int(path["path_step"].values[k]),
            bool(inside[k]),
            float(between[k]) if plane is None else plane[k],
            plane is None,
            stored["true_loss"][k] if "true_loss" in stored else None,
            float(path["path_off_plane"].values[k]),
            tuple((name, values[k]) for name, values in read) if inside[k] else (),
            gap_text(land, LOSS, (place[0][k], place[1][k])) if plane is None and not np.isfinite(between[k]) else "",
        )
        for k in range(len(inside))
    )


def captions(frames: Sequence[Frame]) -> list[str]:
    """Captions over the pictures of a film.

    >>> captions([Frame(7, True, 0.25, False, 0.5, 1.0), Frame(9, False, float("nan"), True, None, 0.0)])
    ['step 7 of 9 · loss 0.25 on the plane, 0.5 at the checkpoint', 'step 9 of 9 · outside this picture']
    """
    return [f"step {frame.step} of {frames[-1].step} · {_caption(frame)}" for frame in frames]


def _caption(frame: Frame) -> str:
    said = [] if frame.inside else ["outside this picture"]
    if frame.inside or not frame.between:
        said.append(f"loss {frame.plane_text} on the plane")
    return ", ".join([*said, *([] if frame.true is None else [f"{format_value(frame.true)} at the checkpoint"])])


def _stored(land: xr.Dataset, count: int) -> dict[str, list[float]]:
    """Name → a loss for each checkpoint, as the survey stored them; not finite ones, which JSON has no number for, are NaN."""
    found = (land.lossnav.fidelity or {}).get("path") or {}
    named = {name: found[name] for name in ("plane_loss", "true_loss") if len(found.get(name, ())) == count}
    return {
        name: [float("nan") if value is None else float(value) for value in values] for name, values in named.items()
    }


def _read(land: xr.Dataset, variable: str, place: tuple[np.ndarray, np.ndarray]) -> list[str]:
    """A readout at each place in words: linear between grid points, of a class the nearest one's."""
    classes, unit = class_scale(land, variable), short_unit(str(land[variable].attrs.get("units", "")))
    if classes is not None:
        return [classes.text(value) for value in _nearest(land, variable, place)]
    values = heights_at(land, Layer(variable, Scale()), *place)
    return [
        f"≈ {format_value(value)} {unit}".rstrip() if np.isfinite(value) else gap_text(land, variable, (at[0], at[1]))
        for value, *at in zip(values, *place, strict=True)
    ]


def _nearest(land: xr.Dataset, variable: str, place: tuple[np.ndarray, np.ndarray]) -> list[float]:
    rows, columns = (
        np.abs(land[d].values[:, None] - np.nan_to_num(at)).argmin(0)
        for d, at in zip(("alpha", "beta"), place, strict=True)
    )
    return [float(value) for value in land[variable].values[rows, columns]]
