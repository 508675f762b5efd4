"""The picked point to its bottom: what the network says there, its spectrum, how its layers are tied."""

from __future__ import annotations

import streamlit as st
import xarray as xr
from lossnav.core.spectrum import read_coupling, read_spectrum

from ..figures.shared.scales import format_value
from ..figures.shared.shares import index_text
from ..figures.web.coupling import matrix_figure
from ..figures.web.spectrum import spectrum_figure
from ..request.answers import AnswersRequest
from ..request.spectrum import CouplingRequest, PointSpectrumRequest
from ..request.survey import SurveyRequest
from ..summaries.coupling import matrix_sentence, strongest_pairs
from ..summaries.work import products_text
from .answers import answers_panel
from .progress import read_or_repair, waiting_panel

SAYS, SPECTRUM, LAYERS = SECTIONS = ("What it says", "Spectrum", "Layers")
TALL = 300  # pixels of a figure


def inside_panel(request: SurveyRequest, land: xr.Dataset, cell: tuple[int, int]) -> None:
    """A panel beside the picture; it is over it while it is open, and moves nothing."""
    point = (float(land["alpha"].values[cell[0]]), float(land["beta"].values[cell[1]]))
    with st.popover("Inspect", key="inside", width="stretch", on_change="rerun") as panel:
        if not panel.open:
            return
        with st.container(key="inside_body"):
            section = st.segmented_control(
                "Inspect", SECTIONS, default=SAYS, key="inside_section", required=True, label_visibility="collapsed"
            )
            st.caption(
                f"At (α, β) = ({format_value(point[0])}, {format_value(point[1])}), in the full parameter space."
            )
            if section == SPECTRUM:
                _spectrum(request, point, land)
            elif section == LAYERS:
                _layers(request, point, land)
            else:
                answers_panel(AnswersRequest(request, point))


def _spectrum(request: SurveyRequest, point: tuple[float, float], land: xr.Dataset) -> None:
    wanted = PointSpectrumRequest(request.target, plane=request, point=point)
    offer = (products_text(land, wanted.products(int(land.lossnav.problem.get("parameters", 0)))), "Compute")
    if not waiting_panel(wanted, offer=offer, name="_spectrum"):
        return
    read = read_or_repair(wanted, read_spectrum)
    if read is None:
        return
    eigenvalues, _ = read
    dark = st.context.theme.type == "dark"
    figure = spectrum_figure(eigenvalues, dark).update_layout(height=TALL)
    st.plotly_chart(
        figure,
        theme=None,
        key="inside_spectrum",
        config={"displayModeBar": False},
        alt="Eigenvalues at the picked point",
    )
    how = (
        "every eigenvalue, exact"
        if eigenvalues.method == "exact"
        else f"{eigenvalues.steps} Lanczos steps × {eigenvalues.probes} probes"
    )
    trace = format_value(eigenvalues.trace) + (
        "" if not eigenvalues.trace_se else f" ± {format_value(eigenvalues.trace_reach, 2)} (95 %)"
    )
    st.caption(f"Hessian, {how}; trace {trace}; negative share {index_text(eigenvalues)}.")


def _layers(request: SurveyRequest, point: tuple[float, float], land: xr.Dataset) -> None:
    wanted = CouplingRequest(request.target, plane=request, point=point, part="matrix")
    offer = (products_text(land, None), "Compute")
    if not waiting_panel(wanted, offer=offer, name="_layers"):
        return
    coupling = read_or_repair(wanted, read_coupling)
    if coupling is None or coupling.matrix is None:
        return
    if strongest_pairs(coupling.matrix, 1):
        figure = matrix_figure(coupling.matrix, st.context.theme.type == "dark", TALL)
        st.plotly_chart(
            figure,
            theme=None,
            key="inside_layers",
            config={"displayModeBar": False},
            alt=matrix_sentence(coupling.matrix),
        )
    st.caption(matrix_sentence(coupling.matrix))
