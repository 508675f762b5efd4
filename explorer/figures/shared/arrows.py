"""A property's arrows over the plane: where they start and where they point, the same on the page and in print."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

from .picture import ARROWS, arrow_name
from .scales import format_value

ARROWS_ACROSS = 13
LONGEST = 0.9  # of a cell between two arrows


@dataclass(frozen=True)
class Arrows:
    """The arrows of one property.

    name     what such an arrow is called: "elastic force"
    tails    (m, 2) where they start, in coordinates of the plane
    cells    (m, 2) from there to their tips, in cells
    reach    (2,) the cell of one arrow
    longest  the largest length among them, in `units`
    """

    name: str
    tails: np.ndarray
    cells: np.ndarray
    reach: np.ndarray
    longest: float
    units: str

    @property
    def vectors(self) -> np.ndarray:
        """(m, 2) from tails to tips, in coordinates of the plane."""
        return self.cells * self.reach

    @property
    def label(self) -> str:
        """Name and largest length, for a legend; the number stays on one line."""
        return f"{self.name}, ≤\u00a0{format_value(self.longest)}\u00a0{self.units}"


def arrows_of(land: xr.Dataset, owner: str) -> Arrows | None:
    """A property's arrows on at most 13 × 13 points of the grid, the longest one spanning its cell; None where there are none longer than 0.

    They point where the vector (α, β) points in the coordinates of the plane.
    """
    if not set(ARROWS[owner]) <= set(land.data_vars):
        return None
    rows, columns = (np.unique(np.linspace(0, n - 1, min(n, ARROWS_ACROSS)).astype(int)) for n in _shape(land))
    part = land.isel(alpha=rows, beta=columns)
    tails = np.stack(np.meshgrid(part["alpha"].values, part["beta"].values, indexing="ij"), -1).reshape(-1, 2)
    reach = np.array([np.ptp(land[d].values) / ARROWS_ACROSS for d in ("alpha", "beta")])
    given = np.stack([part[component].values for component in ARROWS[owner]], -1).reshape(-1, 2)
    there = np.isfinite(given).all(1)
    in_cells = given / reach
    longest = np.linalg.norm(in_cells[there], axis=-1).max(initial=0.0)
    if longest == 0:
        return None
    units = part[ARROWS[owner][0]].attrs.get("units") or "nats"
    return Arrows(
        arrow_name(owner), tails, LONGEST * in_cells / longest, reach, float(np.hypot(*given[there].T).max()), units
    )


def _shape(land: xr.Dataset) -> tuple[int, int]:
    return land.sizes["alpha"], land.sizes["beta"]
