"""A snapshot of a plane that is being turned: handed from the worker to the page."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr
from lossnav.core import Settings
from lossnav.core.survey import MeasuredPoints, filled, finest_complete, landscape


@dataclass(frozen=True, eq=False)
class Snapshot:
    """A picture of a plane.

    points        on the grid that is drawn; those of the finest complete level are measured
    examples      how many examples they were measured on, of `all_examples`
    finished      whether it gets no sharper
    """

    points: MeasuredPoints
    examples: int
    all_examples: int
    finished: bool

    @property
    def rows(self) -> int:
        """Rows of the level that is measured."""
        level = finest_complete(self.points.plan.grid(self.points.done_at("forward"), fill=False))
        return 0 if level is None else len(level[0])

    @property
    def text(self) -> str:
        """How far it is, in one or two sentences."""
        rows, size = self.rows, len(self.points.plan.alpha)
        between = "" if rows == size else f", interpolated to {size} × {size}"
        if self.examples < self.all_examples:
            return f"First picture from {self.examples:,} of {self.all_examples:,} examples at {rows} × {rows} points{between}."
        return f"All {self.all_examples:,} examples at {rows} × {rows} points{between}."

    def measured(self, settings: Settings) -> xr.Dataset:
        """The measured numbers, without any that are interpolated: for data files."""
        return landscape(self.points, settings)

    def landscape(self, settings: Settings) -> xr.Dataset:
        """Every readout at every point of the grid."""
        return spread(landscape(self.points, settings))


def spread(land: xr.Dataset) -> xr.Dataset:
    """A landscape of which a coarse level is measured, on its whole grid: interpolated; closed forms are known already."""
    measured = land["measured"].values
    if measured.all():
        return land
    waiting = land.copy()
    waiting["measured_forward"] = land["measured"]
    for name in map(str, land.data_vars):
        if (
            land[name].dims == ("alpha", "beta")
            and name != "measured"
            and np.isfinite(land[name].values[~measured]).any()
        ):
            waiting[name] = (land[name].dims, land[name].values, {**land[name].attrs, "stage": "closed form"})
    whole = filled(waiting)
    for name in map(str, whole.data_vars):
        whole[name].attrs.pop("measured_on", None)  # said once for all of them
    return whole
