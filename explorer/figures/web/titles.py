"""Readouts' names as plotly draws text."""

from __future__ import annotations

import xarray as xr

from ..shared import picture
from ..shared.plain_text import for_plotly


def title_of(land: xr.Dataset, variable: str) -> str:
    """A readout's name with its unit, tags in it as text: "Loss (nats)"."""
    return for_plotly(picture.title_of(land, variable))
