"""The compared networks in numbers, under their terrains: verdicts, readouts at the centres, the one scale."""

from __future__ import annotations

import html
from collections.abc import Sequence

import streamlit as st
import xarray as xr

from ..summaries.compare import joint_layer
from ..summaries.comparison_table import comparison_rows, scale_text, verdicts
from .verdict import dot

NOTE = "At the centres, the networks themselves; ± and (to …): intervals of 95 %; ≈: between measured points."


def comparison_table_panel(names: Sequence[str], lands: Sequence[xr.Dataset], height: str, color: str) -> None:
    """A column for each network, a row for each thing that is known of one of them."""
    heads = "".join(f"<th scope='col'>{html.escape(name)}</th>" for name in names)
    judged = "".join(f"<td class='judged'>{dot(each.light)} {html.escape(each.says)}</td>" for each in verdicts(lands))
    rows = [f"<tr><th scope='row'>Is it right?</th>{judged}</tr>"]
    for row in comparison_rows(lands):
        cells = "".join(f"<td>{html.escape(cell)}</td>" for cell in row.cells)
        rows.append(f"<tr><th scope='row'>{html.escape(row.title)}</th>{cells}</tr>")
    st.html(
        f"<table class='answers compared'><caption>{_caption(lands, height, color)}</caption>"
        f"<thead><tr><td></td>{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    )


def _caption(lands: Sequence[xr.Dataset], height: str, color: str) -> str:
    """Which scale all share, and what the numbers are."""
    said = f"{'Height and colour' if height == color else 'Height'} of all: {scale_text(lands, joint_layer(lands, height))}"
    if height != color:
        said += f". Colour of all: {scale_text(lands, joint_layer(lands, color))}"
    return f"{html.escape(said)}. {NOTE}"
