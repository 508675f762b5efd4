"""The picked point measured in full: every readout over all examples, also what is too costly for a whole terrain."""

from __future__ import annotations

import streamlit as st
import xarray as xr
from lossnav.core import Settings, read_landscape

from ..request.point import ASKED, PointRequest
from ..request.survey import SurveyRequest
from .inspector import inspected, readout_table
from .progress import waiting_panel


def point_panel(request: SurveyRequest, land: xr.Dataset, cell: tuple[int, int], settings: Settings) -> None:
    """A panel that measures the point when it is opened."""
    alpha, beta = (float(land[d].values[i]) for d, i in zip(("alpha", "beta"), cell, strict=True))
    with st.popover("Measure in full", key="point_full", width="stretch", on_change="rerun") as panel:
        if not panel.open:
            return
        wanted = PointRequest(request, (alpha, beta))
        st.caption(
            "Curvature over all examples, 8 probes × 16 Lanczos steps, and what is too costly for a whole terrain."
        )
        if waiting_panel(wanted, wanted.ready, pressed=True):
            readout_table(inspected(read_landscape(wanted.path, settings, ASKED), (0, 0)), columns=1)
