"""The two axes of a landscape that was read from a file: whoever draws it, or looks between its points, needs them in order."""

from __future__ import annotations

import numpy as np
import xarray as xr

AXES = ("alpha", "beta")


def what_is_wrong_with_axes(land: xr.Dataset) -> str | None:
    """What is wrong with the coordinates, in words; None where each has finite numbers that rise or fall from one to the next.

    >>> def said(*alpha):
    ...     return what_is_wrong_with_axes(xr.Dataset(coords={"alpha": list(alpha), "beta": [0.0]}))
    >>> said(-1.0, 0.0, 2.0), said(2.0, 0.0)
    (None, None)
    >>> said(0.0, 2.0, 1.0)
    "its coordinate 'alpha' should rise, or fall, from each number to the next"
    >>> said(), said(0.0, float("nan"))
    ("its coordinate 'alpha' should have a number at least", "its coordinate 'alpha' should be finite numbers")
    """
    for axis in AXES:
        along = land[axis] if axis in land.coords else None
        if along is None or along.dtype.kind not in "iuf" or along.dims != (axis,):
            return f"its coordinate '{axis}' should be finite numbers"
        values = along.values.astype(float)
        if not values.size:
            return f"its coordinate '{axis}' should have a number at least"
        if not np.isfinite(values).all():
            return f"its coordinate '{axis}' should be finite numbers"
        steps = np.sign(np.diff(values))
        if steps.size and (not steps[0] or (steps != steps[0]).any()):
            return f"its coordinate '{axis}' should rise, or fall, from each number to the next"
    return None


def rising(land: xr.Dataset) -> xr.Dataset:
    """The same landscape with both axes rising; values stay with their coordinates.

    >>> land = xr.Dataset({"loss": (AXES, [[1.0, 2.0]])}, coords={"alpha": [0.0], "beta": [1.0, -1.0]})
    >>> rising(land)["loss"].values.tolist(), rising(land)["beta"].values.tolist()
    ([[2.0, 1.0]], [-1.0, 1.0])
    """
    falling = [axis for axis in AXES if land[axis].size > 1 and land[axis].values[0] > land[axis].values[-1]]
    return land.isel({axis: slice(None, None, -1) for axis in falling})
