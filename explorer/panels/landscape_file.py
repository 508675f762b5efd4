"""A landscape from a file, drawn without its network."""

from __future__ import annotations

from pathlib import Path

import streamlit as st
from lossnav.core import InputError
from streamlit.delta_generator import DeltaGenerator

from ..controls import terrain as controls
from ..figures.shared.plain_text import for_markdown
from ..figures.web.picking import nearest_cell
from ..landscape_file import Opened, opened_once
from ..state import View
from .charts import drawn, landscape, map_chart, surface_chart
from .export import export_panel
from .facts import facts_line
from .film import film_panel
from .inspector import inspector
from .keys import keys_panel
from .legend import legend
from .trust import trust_panel
from .values import show_values, shown_readouts
from .verdict import verdict_panel


def landscape_file(path: Path, name: str) -> None:
    """The picture of the landscape at `path`, called `name`; what is wrong with the file is a sentence."""
    try:
        source = opened_once(path)
    except (InputError, OSError) as error:
        st.error(for_markdown(str(error).replace(str(path), name).replace(path.name, name)))
        return
    with st.sidebar:
        st.caption(
            f"**{for_markdown(name)}**, without its network: what the file does not hold cannot be measured here."
        )
    header = st.empty()
    switches = controls.switch_row(source.unavailable, source.facts)
    _picture(source, name, switches, header)


def _picture(source: Opened, name: str, switches: controls.Switches, header: DeltaGenerator) -> None:
    stem = Path(name).name.partition(".")[0]
    answer = st.container(key="answer")
    left, right = st.columns([1.45, 1], gap="small")
    with left.container(key="over_picture", horizontal=True, horizontal_alignment="distribute"):
        with st.container(key="colorbox"):
            color = controls.color_control(switches.overlays)
        leaving = st.container(key="exportbox")
    settings = switches.settings(source.facts)
    land = landscape(source, settings)
    with st.sidebar:
        elevation, ground = controls.elevation_controls(land)
    dark = st.context.theme.type == "dark"
    view = View(elevation, switches.overlays, color, st.session_state.get("picked"), dark, switches.arrows, ground)
    charts = drawn(land, view)
    with header:
        facts_line(land, stem)
    with answer:
        verdict_panel(land)
    with left:
        surface_chart(charts.surface)
        film_panel(land, [drawing.variable for drawing in switches.overlays.values()])
        if "fidelity" in land.attrs:
            trust_panel(land, dark)
    with right:
        map_chart(charts.map)
        legend(land, charts.picture)
        cell = nearest_cell(land, view.point)
        inspector(land, cell, shown_readouts(land, switches, elevation, ground))
        keys_panel(land, cell)
    show_values(land, switches, view)
    with leaving:
        export_panel(land, lambda: source.measured(settings), charts.picture, stem)
