"""The minima of a drawn surface that its error cannot have made, in words."""

from __future__ import annotations

import json

import numpy as np
import xarray as xr
from lossnav.core.persistence import Minimum, minima

from ..figures.shared.scales import format_value

# of the largest value, what rounding may be off by: 64 places of the last digit, 8 where that is coarse
ROUNDING = {"float64": 64 * 2.0**-52, "float32": 64 * 2.0**-23, "bfloat16": 8 * 2.0**-8, "float16": 8 * 2.0**-11}


def stated_error(land: xr.Dataset, variable: str = "loss") -> float:
    """The error of a readout anywhere on the grid: of interpolation, of estimation, and of rounding, whichever is largest.

    >>> axis = np.arange(2.0)
    >>> land = xr.Dataset({"loss": (("alpha", "beta"), np.ones((2, 2))), "loss_error": (("alpha", "beta"), np.full((2, 2), 0.1))})
    >>> stated_error(land)
    0.1
    """
    values = land[variable].values
    finite = np.abs(values[np.isfinite(values)])
    spec = json.loads(land.attrs.get("spec") or "{}") or {}
    rounding = ROUNDING.get(str(spec.get("dtype")), ROUNDING["float32"])
    errors = [rounding * float(finite.max(initial=0.0))]
    for name in (f"{variable}_error", f"{variable}_se"):
        if name in land:
            stated = land[name].values
            errors.append(float(stated[np.isfinite(stated)].max(initial=0.0)))
    return max(errors)


def minima_of(land: xr.Dataset, least: float, variable: str = "loss") -> list[Minimum]:
    """The minima deeper than twice the stated error, and than `least`."""
    return minima(land[variable].values, max(stated_error(land, variable), least / 2))


def minima_text(minima: list[Minimum], error: float, unit: str) -> str:
    """How many minima, and how deep.

    >>> minima_text([Minimum((1, 1), 0.0, float("inf"), None, False), Minimum((2, 5), 0.2, 0.5, (2, 3), True)], 0.01, "nats")
    '2 minima (1 at the edge), deeper than 0.02 nats; barriers out of them from 0.5 nats'
    """
    depths = [each.depth for each in minima if np.isfinite(each.depth)]
    least = f"; barriers out of them from {format_value(min(depths))} {unit}" if depths else ""
    return f"{minima_count(minima)}, deeper than {format_value(2 * error)} {unit}{least}"


def minima_count(minima: list[Minimum]) -> str:
    """How many minima, and how many of them where the picture ends."""
    edge = sum(each.at_edge for each in minima)
    word = "minimum" if len(minima) == 1 else "minima"
    return f"{len(minima)} {word}{f' ({edge} at the edge)' if edge else ''}"
