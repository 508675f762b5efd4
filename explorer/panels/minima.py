"""The minima of the drawn surface: where they are marked, and what is said of them."""

from __future__ import annotations

import streamlit as st
import xarray as xr
from lossnav.core import InputError

from ..controls.minima import minima_controls
from ..figures.web.line import is_slice
from ..state import Place
from ..summaries.minima import minima_count, minima_of, minima_text, stated_error


def marked_minima(land: xr.Dataset, variable: str) -> tuple[tuple[Place, ...], list[str]]:
    """(α, β) of each minimum of the height, and their number for the line of facts; nothing where nobody asked."""
    factor = minima_controls()
    if factor is None or is_slice(land):
        return (), []
    error = factor * stated_error(land, variable)
    try:
        minima = minima_of(land, 2 * error, variable)
    except InputError as missing:
        st.caption(str(missing))
        return (), []
    a, b = land["alpha"].values, land["beta"].values
    places = tuple((float(a[each.cell[0]]), float(b[each.cell[1]])) for each in minima)
    unit = str(land[variable].attrs.get("units", ""))
    st.caption(f"{minima_text(minima, error, unit)}.")
    return places, [minima_count(minima)]
