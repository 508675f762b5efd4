"""From a click on the map to a point of the landscape; pure functions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr


def picked_point(event: Mapping[str, Any] | None) -> tuple[float, float] | None:
    """(alpha, beta) of the point that a selection event reports, or None where nothing is selected.

    >>> picked_point({"selection": {"points": [{"x": 0.5, "y": -0.25}]}})
    (0.5, -0.25)
    >>> picked_point({"selection": {"points": []}}) is None
    True
    """
    points = ((event or {}).get("selection") or {}).get("points") or []
    return (float(points[0]["x"]), float(points[0]["y"])) if points else None


def nearest_cell(land: xr.Dataset, point: tuple[float, float] | None) -> tuple[int, int]:
    """Grid indices of the grid point nearest to `point`; without one, of the centre (0, 0)."""
    alpha, beta = point or (0.0, 0.0)
    return int(np.abs(land["alpha"].values - alpha).argmin()), int(np.abs(land["beta"].values - beta).argmin())
