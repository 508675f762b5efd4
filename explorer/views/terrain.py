"""Page "Terrain": choose a network and a plane; the surface, the map, and seven overlays over them."""

from typing import Any

import plotly.graph_objects as go
import streamlit as st
import xarray as xr
from lossnav.explorer import controls
from lossnav.explorer.figures.map2d import map_figure
from lossnav.explorer.figures.picking import nearest_cell, picked_point
from lossnav.explorer.figures.picture import value_text
from lossnav.explorer.figures.surface3d import surface_figure
from lossnav.explorer.landscapes import Found, best
from lossnav.explorer.panels.camera import camera, watch_camera
from lossnav.explorer.panels.compute import compute_panel
from lossnav.explorer.panels.export import export_panel
from lossnav.explorer.panels.facts import facts_line
from lossnav.explorer.panels.inspector import inspector
from lossnav.explorer.panels.legend import legend
from lossnav.explorer.panels.point import point_panel
from lossnav.explorer.panels.progress import work_panel
from lossnav.explorer.panels.trust import trust_panel
from lossnav.explorer.state import Drawing, View
from lossnav.explorer.survey_request import SurveyRequest


def page() -> None:
    """Inputs, then the picture."""
    with st.sidebar:
        request = controls.request_controls()
    st.session_state["surveyed"] = request
    found = best(request)
    if found is None:
        work_panel(request)
        st.caption("The first coarse picture comes as soon as it is measured.")
    else:
        terrain(request, found)


def terrain(request: SurveyRequest, found: Found) -> None:
    """Everything that is drawn of a landscape."""
    about = found.points.about
    header = st.container()
    switches = controls.switch_row(about["unavailable"], about["facts"])
    land = found.landscape(switches.settings)
    with header:
        facts_line(land, request.target)
    work_panel(request)
    with st.sidebar:
        elevation, ground = controls.elevation_controls(set(map(str, land.data_vars)))
        compute_panel(request)
    left, right = st.columns([1.45, 1], gap="small")
    with left.container(key="colorbox"):
        color = controls.color_control(switches.overlays)
    dark = st.context.theme.type == "dark"
    view = View(elevation, switches.overlays, color, st.session_state.get("picked"), dark, switches.arrows, ground)
    picture = view.picture(land)
    with left:
        chart("terrain3d", surface_figure(land, picture, camera=camera()), "surface", "The terrain in three dimensions")
        trust_panel(land, dark)
    with right:
        select = {"on_select": remember_pick, "selection_mode": "points"}
        chart("terrain2d", map_figure(land, picture), "map2d", "Map of the terrain; a click picks a point", **select)
        legend(land, picture)
        cell = nearest_cell(land, view.point)
        with inspector(land, cell, shown_readouts(switches, elevation, ground)):
            point_panel(request, land, cell, switches.settings)
    show_values(land, switches, view)
    watch_camera()
    with st.sidebar:
        export_panel(land, found.measured(switches.settings), picture, request.target)


def remember_pick() -> None:
    """Keep the point that was clicked: the map is drawn anew with it, and a new map has no selection."""
    st.session_state["picked"] = picked_point(st.session_state["map2d"]) or st.session_state.get("picked")


def chart(place: str, figure: go.Figure, key: str, alt: str, **more: Any) -> None:
    """A figure as high as its place, which the style sheet makes fit the window."""
    with st.container(key=place):
        config = {"displayModeBar": False, "scrollZoom": place == "terrain3d"}
        st.plotly_chart(figure, theme=None, key=key, height="stretch", config=config, alt=alt, **more)


def shown_readouts(switches: controls.Switches, *drawn: Drawing | None) -> list[str]:
    """The readouts that the inspector always shows: the terrain's, and of each property the one that is drawn."""
    own = [d.variable for d in (*drawn, *switches.overlays.values()) if d is not None]
    return ["loss", "accuracy", "slope", "shape", *own, *map(controls.primary, switches.values)]


def show_values(land: xr.Dataset, switches: controls.Switches, view: View) -> None:
    """Each property's value at the picked point, beside its switch."""
    cell = nearest_cell(land, view.point)
    for name, place in switches.values.items():
        drawing = switches.overlays.get(name)
        variable = drawing.variable if drawing else controls.primary(name)
        text = value_text(land, variable, cell) if variable in land else "unavailable"
        place.html(f"<span class='value{'' if variable in land else ' none'}'>{text}</span>")


page()
