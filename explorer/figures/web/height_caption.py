"""What the height of a terrain is, as a line of text: a title along the axis is cut by the picture's edge at some cameras."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from ..shared.picture import Layer
from ..shared.scales import format_value
from .theme import ink
from .titles import short_title_of

SPACINGS = {"log": ", logarithmic", "symlog": ", symmetric-logarithmic"}


def height_caption(land: xr.Dataset, elevation: Layer) -> str:
    """The readout that is the height, from where to where it is drawn, and on which scale.

    >>> from lossnav.explorer.figures.shared.scales import Scale
    >>> loss = xr.DataArray([[0.5, 2.0], [np.nan, 40.0]], dims=("alpha", "beta"), attrs={"long_name": "Loss", "units": "nats"})
    >>> height_caption(loss.to_dataset(name="loss"), Layer("loss", Scale("log")))
    'Height: Loss (nats), 0.5 to 40, logarithmic'
    """
    said = f"Height: {short_title_of(land, elevation.variable)}"
    if elevation.scale.kind == "class":
        return said
    drawn = elevation.scale.invert(elevation.scale.apply(land[elevation.variable].values))
    finite = drawn[np.isfinite(drawn)]
    if finite.size:
        ends = dict.fromkeys(format_value(float(end)) for end in (finite.min(), finite.max()))
        said += f", {' to '.join(ends)}"
    return said + SPACINGS.get(elevation.scale.kind, "")


def height_annotation(land: xr.Dataset, elevation: Layer, dark: bool) -> dict[str, Any]:
    """The same in a figure's lower left corner, which no camera moves."""
    place = {"xref": "paper", "yref": "paper", "x": 0.0, "y": 0.0, "xanchor": "left", "yanchor": "bottom"}
    look = {"showarrow": False, "align": "left", "font": {"size": 12, "color": ink(dark).faint}}
    return {"name": "height", "text": height_caption(land, elevation), **place, **look}
