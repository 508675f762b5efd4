"""Readouts' names as plotly draws text."""

from __future__ import annotations

import xarray as xr

from ..shared import picture
from ..shared.plain_text import for_plotly
from ..shared.units import short_unit


def title_of(land: xr.Dataset, variable: str) -> str:
    """A readout's name with its unit, tags in it as text: "Loss (nats)"."""
    return for_plotly(picture.title_of(land, variable))


def short_title_of(land: xr.Dataset, variable: str) -> str:
    """The same for a narrow place: "Sharpness λₘₐₓ (nats/unit²)"."""
    unit = str(land[variable].attrs.get("units", ""))
    return title_of(land, variable).replace(f"({for_plotly(unit)})", f"({for_plotly(short_unit(unit))})")
