"""The picked point: its coordinates and every readout there."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

import numpy as np
import streamlit as st
import xarray as xr

from ..figures.shared.picture import value_text
from ..figures.shared.scales import format_value
from ..figures.shared.units import short_unit
from ..summaries.facts import estimation_text


def inspector(land: xr.Dataset, cell: tuple[int, int], shown: Sequence[str]) -> Any:
    """The coordinates at a grid cell and the readouts in `shown` there; all of them in a panel that opens.

    Returns the place beside that panel's button, for two more.
    """
    readout_table(inspected(land, cell, shown))
    left, right = st.columns([1.2, 4.4], gap="xsmall")
    with left.popover("All readouts", key="all_readouts", width="stretch", on_change="rerun") as panel:
        if panel.open:
            readout_table(inspected(land, cell), columns=1)
            st.caption(estimation_text(land))
    return right


def readout_table(rows: Sequence[tuple[str, str, str]], columns: int = 2) -> None:
    """Rows of (name, value, unit) as a table."""
    cells = "".join(
        f"<dt>{html.escape(name)}</dt><dd>{html.escape(value)} <small>{html.escape(unit)}</small></dd>"
        for name, value, unit in rows
    )
    kind = "inspector" if columns == 2 else "inspector one"
    st.html(f"<dl class='{kind}' aria-label='Readouts at the picked point'>{cells}</dl>")


def inspected(
    land: xr.Dataset, cell: tuple[int, int], shown: Sequence[str] | None = None
) -> list[tuple[str, str, str]]:
    """(name, value, unit) of the coordinates and of the readouts at a grid cell: those in `shown`, or every one."""
    alpha, beta = (float(land[d].values[i]) for d, i in zip(("alpha", "beta"), cell, strict=True))
    rows = [("Grid point (α, β)", f"{format_value(alpha)}, {format_value(beta)}", "")]
    for variable in map(str, land.data_vars):
        values = land[variable]
        is_number = values.dims == ("alpha", "beta") and np.issubdtype(values.dtype, np.floating)
        if is_number and "error_of" not in values.attrs and (shown is None or variable in shown):
            rows.append(
                (values.attrs["long_name"], value_text(land, variable, cell), short_unit(values.attrs["units"]))
            )
    return rows
