"""The picked point: its coordinates and every readout there."""

from __future__ import annotations

import html

import numpy as np
import streamlit as st
import xarray as xr

from ..figures.scales import format_value


def inspector(land: xr.Dataset, cell: tuple[int, int]) -> None:
    """A table of the coordinates and all readouts at a grid cell."""
    rows = "".join(
        f"<dt>{html.escape(name)}</dt><dd>{html.escape(value)} <small>{html.escape(unit)}</small></dd>"
        for name, value, unit in inspected(land, cell)
    )
    st.html(f"<dl class='inspector' aria-label='Readouts at the picked point'>{rows}</dl>")


def inspected(land: xr.Dataset, cell: tuple[int, int]) -> list[tuple[str, str, str]]:
    """(name, value, unit) of the coordinates and of every readout at a grid cell."""
    alpha, beta = (float(land[d].values[i]) for d, i in zip(("alpha", "beta"), cell, strict=True))
    rows = [("Grid point (α, β)", f"{format_value(alpha)}, {format_value(beta)}", "")]
    for variable in land.data_vars:
        values = land[variable]
        if values.dims == ("alpha", "beta") and np.issubdtype(values.dtype, np.floating):
            rows.append((values.attrs["long_name"], format_value(values.values[cell]), values.attrs["units"]))
    return rows
