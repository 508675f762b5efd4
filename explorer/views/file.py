"""Page "File": a landscape from a file, drawn without its network."""

import os

import streamlit as st
from lossnav.core import InputError
from lossnav.explorer.controls import terrain as controls
from lossnav.explorer.figures.shared.plain_text import for_markdown
from lossnav.explorer.figures.web.picking import nearest_cell
from lossnav.explorer.landscape_file import Opened, opened
from lossnav.explorer.panels.charts import drawn, landscape, map_chart, surface_chart
from lossnav.explorer.panels.export import export_panel
from lossnav.explorer.panels.facts import facts_line
from lossnav.explorer.panels.inspector import inspector
from lossnav.explorer.panels.legend import legend
from lossnav.explorer.panels.trust import trust_panel
from lossnav.explorer.panels.verdict import verdict_panel
from lossnav.explorer.server import LANDSCAPE_VARIABLE
from lossnav.explorer.state import View


@st.cache_resource(max_entries=4, show_spinner=False)
def kept(path: str, _changed: float) -> Opened:
    """The file as it was read, until it changes."""
    return opened(path)


def page() -> None:
    """The file, then the picture."""
    path = os.environ[LANDSCAPE_VARIABLE]
    try:
        source = kept(path, os.path.getmtime(path))
    except (InputError, OSError) as error:
        st.error(for_markdown(error))
        return
    with st.sidebar:
        st.caption(
            f"**{for_markdown(source.path.name)}**, without its network: what the file does not hold cannot be measured here."
        )
    header = st.empty()
    switches = controls.switch_row(source.unavailable, source.facts)
    picture(source, switches, header)


def picture(source: Opened, switches: controls.Switches, header: st.delta_generator.DeltaGenerator) -> None:
    """The charts and what belongs to them."""
    answer = st.container(key="answer")
    left, right = st.columns([1.45, 1], gap="small")
    with left.container(key="over_picture", horizontal=True, horizontal_alignment="distribute"):
        with st.container(key="colorbox"):
            color = controls.color_control(switches.overlays)
        leaving = st.container(key="exportbox")
    settings = switches.settings(source.facts)
    land = landscape(source, settings)
    with st.sidebar:
        elevation, ground = controls.elevation_controls(set(map(str, land.data_vars)))
    dark = st.context.theme.type == "dark"
    view = View(elevation, switches.overlays, color, st.session_state.get("picked"), dark, switches.arrows, ground)
    found = drawn(land, view)
    with header:
        facts_line(land, source.path.stem)
    with answer:
        verdict_panel(land)
    with left:
        surface_chart(found.surface)
        if "fidelity" in land.attrs:
            trust_panel(land, dark)
    with right:
        map_chart(found.map)
        legend(land, found.picture)
        inspector(land, nearest_cell(land, view.point), list(map(str, land.data_vars)))
    with leaving:
        export_panel(land, lambda: source.measured(settings), found.picture, source.path.stem)


page()
