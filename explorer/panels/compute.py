"""The sidebar's work: refine the grid, compute anew, and the command that does the same in a terminal."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from ..request.survey import GRID_SIZES, SurveyRequest
from .progress import start


def compute_panel(request: SurveyRequest) -> None:
    """Refine and recompute, in the background."""
    with st.expander("Compute"):
        finer = next((n for n in GRID_SIZES if n > request.grid), None)
        st.button(
            "Refine", key="refine", width="stretch", disabled=finer is None, on_click=_refine, args=(request, finer),
            help=f"Measure a grid of {finer} × {finer}." if finer else "The grid is at its finest.",
        )  # fmt: skip
        st.button(
            "Recompute",
            key="recompute",
            width="stretch",
            on_click=_recompute,
            args=(request,),
            help="Measure it anew, on this machine.",
        )
        st.caption("The same in a terminal:")
        st.code(request.command, language="bash", wrap_lines=True)


def _refine(request: SurveyRequest, grid: int) -> None:
    st.session_state["grid"] = grid
    start(replace(request, grid=grid).settled)


def _recompute(request: SurveyRequest) -> None:
    start(request, overwrite=True)
