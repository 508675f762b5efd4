"""Panel of coupling: eigenvalues as it is switched on, and how strongly each pair of layers is tied."""

from __future__ import annotations

import streamlit as st
import xarray as xr
from lossnav.core.spectrum import read_coupling

from ..figures.shared.scales import format_value
from ..figures.web.coupling import matrix_figure, sweep_figure
from ..request.spectrum import CouplingRequest
from ..summaries.coupling import coupling_sentence, how_sentence, matrix_sentence, strongest_pairs
from .coupling_forecast import coupling_forecast
from .progress import origin, read_or_repair, waiting_panel
from .spectrum import chart


def coupling_panel(request: CouplingRequest) -> None:
    """Compute what is missing, then draw the request's part."""
    if not waiting_panel(request):
        coupling_forecast(request)
        return
    coupling = read_or_repair(request, read_coupling)
    if coupling is None:
        return
    dark = st.context.theme.type == "dark"
    if coupling.sweep is not None:
        _sweep(coupling.sweep, dark)
    if coupling.matrix is not None:
        _matrix(coupling.matrix, dark)
    origin(request)


def _sweep(sweep: xr.DataArray, dark: bool) -> None:
    left, right = st.columns([1.9, 1], gap="medium")
    with left.container(key="spectrum_plot"):
        chart(sweep_figure(sweep, dark), "sweep", "Eigenvalues against the share of coupling")
        st.caption("Eigenvalues of diag A + γ (A − diag A), in nats per squared parameter unit.")
    with right:
        st.markdown(coupling_sentence(sweep))
        st.caption(how_sentence(sweep))
        table = {
            "γ": [format_value(g) for g in sweep["gamma"].values],
            "λₘₐₓ": [format_value(v, 4) for v in sweep.values[:, 0]],
            "λₘᵢₙ": [format_value(v, 4) for v in sweep.values[:, -1]],
        }
        st.dataframe(table, hide_index=True, height="content")


def _matrix(matrix: xr.DataArray, dark: bool) -> None:
    pairs = strongest_pairs(matrix, 10)
    if not pairs:
        st.info(matrix_sentence(matrix), icon=":material/info:")
        return
    left, right = st.columns([1.9, 1], gap="medium")
    with left.container(key="spectrum_plot"):
        chart(matrix_figure(matrix, dark), "matrix_map", "Coupling of each pair of layers")
        st.caption("‖A_ab‖ / √(‖A_aa‖ ‖A_bb‖), Frobenius norms of the layers' blocks: 1 on the diagonal.")
    with right:
        st.markdown(matrix_sentence(matrix))
        table = {
            "layer": [layer for layer, _, _, _ in pairs],
            "other": [other for _, other, _, _ in pairs],
            "coupling": [format_value(value) for _, _, value, _ in pairs],
        }
        if not matrix.attrs["exact"]:
            table["±"] = [format_value(error, 1) for _, _, _, error in pairs]
        st.dataframe(table, hide_index=True, height="content")
