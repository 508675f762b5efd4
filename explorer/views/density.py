"""Page "Density": where the data lie close together, and how the network does there and elsewhere."""

from typing import Any

import plotly.graph_objects as go
import streamlit as st
import xarray as xr
from lossnav.core.formats import read_density_map
from lossnav.explorer.controls import density as controls
from lossnav.explorer.figures.web.claim import claim_figure
from lossnav.explorer.figures.web.density import density_figure, picked_example
from lossnav.explorer.panels.density import available_color, claim_sentences, density_style, example_panel, map_facts
from lossnav.explorer.panels.density_look import density_look, density_look_text
from lossnav.explorer.panels.first_look import seconds_of
from lossnav.explorer.panels.progress import origin, read_or_repair, waiting_panel
from lossnav.explorer.request.density import DensityRequest


def page() -> None:
    """Inputs, then the map."""
    density_style()
    with st.sidebar:
        request = controls.density_controls()
        look = controls.look_controls()
        st.caption("The same in a terminal:")
        st.code(request.command, language="bash", wrap_lines=True)
    if waiting_panel(request):
        density = read_or_repair(request, read_density_map)
        if density is not None:
            draw(density, look, request)
    elif (first := density_look(request)) is not None:
        density, few = first
        st.caption(density_look_text(density.sizes["example"], seconds_of(few)))
        draw(density, look, few)


def draw(dataset: xr.Dataset, look: controls.DensityDisplay, request: DensityRequest) -> None:
    """The map, and the claims beside it."""
    target = request.target
    example = st.session_state.get("picked_example", {}).get(target)
    dark = st.context.theme.type == "dark"
    left, right = st.columns([1.5, 1], gap="medium")
    with left:
        color = available_color(dataset, look.color)
        chart(
            "density_map",
            density_figure(dataset, color, dark, example),
            "Map of the examples",
            lambda: remember(target),
        )
        st.caption(map_facts(dataset))
    with right:
        claim_sentences(dataset)
        if look.claim.variable in dataset:
            chart(
                "claim_plot", claim_figure(dataset, look.claim.variable, dark), f"Density against {look.claim.called}"
            )
        example_panel(dataset, example)
        origin(request)


def chart(place: str, figure: go.Figure, alt: str, on_select: Any = "ignore") -> None:
    """A figure as high as its place, which the style sheet makes fit the window."""
    with st.container(key=place):
        st.plotly_chart(
            figure,
            theme=None,
            key=f"{place}_chart",
            height="stretch",
            config={"displayModeBar": False},
            alt=alt,
            on_select=on_select,
            selection_mode="points",
        )


def remember(target: str) -> None:
    """Keep the example that was clicked: the map is drawn anew with it, and a new map has no selection."""
    clicked = picked_example(st.session_state["density_map_chart"])
    if clicked is not None:
        st.session_state.setdefault("picked_example", {})[target] = clicked


page()
