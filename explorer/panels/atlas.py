"""The atlas on the page: small maps, their rank correlations in numbers and words, and a figure of them for print."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import streamlit as st
import xarray as xr

from ..export import MIME
from ..figures.paper import PRESETS, draw_atlas, save
from ..figures.shared.picture import Layer, fitting_scale
from ..figures.web.atlas import atlas_figure, ranks_figure
from ..summaries.adaptive import adaptive_text
from ..summaries.atlas import MEANING, rank_correlations, rank_sentences
from .saving import save_button

FORMATS = ("pdf", "svg", "png")


def layers_of(land: xr.Dataset, variables: Sequence[str]) -> list[Layer]:
    """Each readout on the scale that fits it."""
    return [Layer(name, fitting_scale(land, name)) for name in variables]


def atlas_panel(land: xr.Dataset, variables: Sequence[str], dark: bool) -> None:
    """The maps at the left, the correlations at the right."""
    left, right = st.columns([1.9, 1], gap="medium")
    ranks = rank_correlations(land, variables)
    with left.container(key="atlas_maps"):
        _chart(atlas_figure(land, layers_of(land, variables), dark), "atlas", f"Maps of {len(variables)} readouts")
    with right:
        with st.container(key="atlas_ranks"):
            figure = ranks_figure(land, variables, ranks.rho, dark)
            _chart(figure, "ranks", "Rank correlations: " + " ".join(rank_sentences(land, ranks)))
        st.markdown("\n".join(f"- {sentence}" for sentence in rank_sentences(land, ranks)))
        st.caption(MEANING)


def _chart(figure: object, key: str, alt: str) -> None:
    st.plotly_chart(figure, theme=None, key=key, height="stretch", config={"displayModeBar": False}, alt=alt)


def atlas_export(land: xr.Dataset, variables: Sequence[str], name: str) -> None:
    """The same maps as a figure for print: a row of panels with letters."""
    with st.popover("Export", key="export_atlas", on_change="rerun") as panel:
        if not panel.open:
            return
        file_format = st.selectbox("Format", FORMATS, key="atlas_format", format_func=str.upper)
        width = st.selectbox(
            "Width",
            list(PRESETS),
            index=list(PRESETS).index("double"),
            key="atlas_width",
            format_func=lambda name: PRESETS[name].title,
        )
        save_button(
            lambda: atlas_file(land, variables, file_format, width), f"{name}-atlas.{file_format}", MIME[file_format]
        )


def atlas_file(land: xr.Dataset, variables: Sequence[str], file_format: str, width: str) -> bytes:
    """The figure's bytes; the same for the same landscape and choice."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"atlas.{file_format}"
        save(draw_atlas(land, layers_of(land, variables), width), path, adaptive_text(land))  # type: ignore[arg-type]
        return path.read_bytes()
