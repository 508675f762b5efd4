"""A first look at a density map by a few of the examples, where the whole is not computed yet; its pace forecasts the whole."""

from __future__ import annotations

from dataclasses import replace

import xarray as xr
from lossnav.core.formats import read_density_map

from ..request.density import DensityRequest
from .first_look import START
from .progress import duration, read_or_repair, waiting_panel

FEW = 200  # examples


def density_look(whole: DensityRequest) -> tuple[xr.Dataset, DensityRequest] | None:
    """Offer a look, and give it once it is there; nothing starts unless a person presses."""
    look = replace(whole, examples=FEW)
    said = f"A first look maps {FEW} of the examples, and its pace says how long all take."
    if not waiting_panel(look, offer=(said, "First look"), name="_look"):
        return None
    found = read_or_repair(look, read_density_map)
    return None if found is None else (found, look)


def density_look_text(count: int, took: float | None) -> str:
    """What the look is, and what more examples take by it.

    >>> density_look_text(200, 9.0)
    'A first look, 200 examples, in 9 s. At that pace every further 1,000 take about 20 s.'
    >>> density_look_text(150, 9.0)  # the data have no more
    'Of all 150 examples, in 9 s.'
    """
    within = "" if took is None else f", in {duration(took)}"
    if count < FEW:
        return f"Of all {count} examples{within}."
    if took is None:
        return f"A first look, {count} examples."
    more = 1000 / count * max(took - START, 0.0)
    return f"A first look, {count} examples{within}. At that pace every further 1,000 take about {duration(max(more, 1.0))}."
