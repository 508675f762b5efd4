"""A published page's readouts: words, scale, colours and ticks, common to all its landscapes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from ..figures.shared.picture import (
    Layer,
    color_limits,
    fitting_scale,
    floor_of,
    name_of,
    poles_of,
    title_of,
)
from ..figures.shared.scales import Scale, format_value
from ..figures.shared.style import contour_color, property_of
from ..figures.web.colorbar import colouring, notes
from ..summaries.compare import clash


def readouts_in(land: xr.Dataset) -> list[str]:
    """The variables of a landscape that can be drawn."""
    return [
        str(name)
        for name, values in land.data_vars.items()
        if values.dims == ("alpha", "beta")
        and np.issubdtype(values.dtype, np.floating)
        and "error_of" not in values.attrs
        and np.isfinite(values.values).any()
    ]


def common(lands: Sequence[xr.Dataset], scales: Mapping[str, Scale]) -> dict[str, Layer]:
    """How each readout is drawn: on one scale, which covers all the landscapes; one that they have in other units is not drawn."""
    others = in_other_units(lands)
    names = [name for name in _there(lands) if name not in others]
    return {name: Layer(name, scales.get(name) or fitting_scale(pooled(lands, name), name)) for name in names}


def in_other_units(lands: Sequence[xr.Dataset]) -> dict[str, str]:
    """The readouts that are not drawn, as they have no unit in common → that in a sentence."""
    said = {name: clash([land for land in lands if name in land], name) for name in _there(lands)}
    return {name: sentence for name, sentence in said.items() if sentence}


def _there(lands: Sequence[xr.Dataset]) -> list[str]:
    return list(dict.fromkeys(name for land in lands for name in readouts_in(land)))


def pooled(lands: Sequence[xr.Dataset], variable: str) -> xr.Dataset:
    """All the values of a readout, as one row."""
    having = [land[variable] for land in lands if variable in land]
    values = np.concatenate([values.values.ravel() for values in having])
    return xr.Dataset({variable: ("point", values, having[0].attrs)})


def described(lands: Sequence[xr.Dataset], layer: Layer) -> dict[str, Any]:
    """A readout as the page has it."""
    every, variable, scale = pooled(lands, layer.variable), layer.variable, layer.scale
    look = colouring(every, layer, dark=False)
    places, labels = scale.ticks(every[variable].values, 5)
    attributes = every[variable].attrs
    return {
        "title": title_of(every, variable),
        "name": name_of(every, variable),
        "unit": attributes.get("units", ""),
        "notes": notes(every, layer),
        "property": property_of(variable),
        "poles": list(poles_of(every, variable)),
        "scale": {"kind": scale.kind, "low": scale.low, "high": scale.high, "width": scale.width},
        "labels": list(scale.labels),
        "colors": look["colorscale"],
        "limits": list(color_limits(every, layer)),
        "bar": [list(look["colorbar"]["tickvals"]), list(look["colorbar"]["ticktext"])],
        "height": list(layer.limits(every[variable].values)),
        "ticks": [places.tolist(), labels],
        "line": contour_color(variable),
        "floor": floor_of(every, layer),
        "floor_text": format_value(attributes["floor"]) if "floor" in attributes else "",
    }
