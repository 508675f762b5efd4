"""From a click on the map to a point of the landscape; pure functions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr


def picked_point(told: Sequence[float] | None) -> tuple[float, float] | None:
    """(alpha, beta) of the point that a click on the map reports; None where nothing was clicked.

    >>> picked_point([0.5, -0.25]), picked_point(None)
    ((0.5, -0.25), None)
    """
    return (float(told[0]), float(told[1])) if told else None


def nearest_cell(land: xr.Dataset, point: tuple[float, float] | None) -> tuple[int, int]:
    """Grid indices of the grid point nearest to `point`; without one, of the centre (0, 0)."""
    alpha, beta = point or (0.0, 0.0)
    return int(np.abs(land["alpha"].values - alpha).argmin()), int(np.abs(land["beta"].values - beta).argmin())
