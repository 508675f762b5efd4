"""The export panel: a figure for print, a page, or the data."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st
import xarray as xr

from ..figures.shared.picture import Picture
from ..summaries.film import frames
from .camera import camera
from .saving import save_button

_TITLES = {
    "pdf": "PDF",
    "svg": "SVG",
    "png": "PNG",
    "zip": "All for a paper (ZIP)",
    "gif": "GIF, the training plays",
    "mp4": "MP4 film",
    "webm": "WebM film",
    "html": "HTML page that turns",
    "glb": "Mesh for Blender (GLB)",
    "obj": "Mesh (OBJ)",
    "stl": "Solid for a 3-D printer (STL)",
    "vtp": "Surface for ParaView (VTP)",
    "csv": "CSV data",
    "nc": "NetCDF data",
}


def export_panel(land: xr.Dataset, measured: Callable[[], xr.Dataset], picture: Picture, name: str) -> None:
    """Choose what, in which format and width; the file is made when the button is pressed.

    land      what is drawn; `measured` gives what was measured, for data files
    """
    with st.popover("Export", key="export", on_change="rerun") as panel:
        if not panel.open:
            return
        # here, so that a page opens without waiting for matplotlib
        from ..export import DATA_FORMATS, FIGURE_FORMATS, FILM_FORMATS, MEASURED_FORMATS, Export, exported
        from ..figures.paper import PRESETS, ffmpeg

        kind = st.segmented_control(
            "Figure", ("map", "surface"), default="map", key="export_kind", required=True,
            format_func=lambda k: {"map": "2-D map", "surface": "3-D surface"}[k],
        )  # fmt: skip
        films = FILM_FORMATS[: 3 if ffmpeg() else 1] if frames(land) else ()
        file_format = st.selectbox(
            "Format", (*FIGURE_FORMATS, *films, *DATA_FORMATS), key="export_format", format_func=_TITLES.__getitem__
        )
        width = st.selectbox(
            "Width",
            list(PRESETS),
            key="export_width",
            disabled=file_format not in FIGURE_FORMATS,
            format_func=lambda w: f"{PRESETS[w].title} ({PRESETS[w].width:g} in)",
        )
        choice = Export(kind or "map", file_format, width or "single", camera())
        save_button(
            lambda: exported(measured() if file_format in MEASURED_FORMATS else land, picture, choice),
            f"{name}-{kind}.{file_format}" if file_format in FIGURE_FORMATS else f"{name}.{file_format}",
            choice.mime,
        )
