"""The slice: a landscape along one direction, (landscape, picture) → plotly figure."""

from __future__ import annotations

import plotly.graph_objects as go
import xarray as xr

from ..shared.picture import Layer, Picture, axis_titles, drawn_values, hover_field, hover_values
from ..shared.plain_text import for_plotly
from ..shared.style import contour_color
from .theme import axis, base_layout, ink
from .titles import title_of

GROUND = "colour"  # the trace that a click picks a grid point of, as on the map


def is_slice(land: xr.Dataset) -> bool:
    """Whether the landscape varies along one direction only."""
    return min(land.sizes["alpha"], land.sizes["beta"]) < 2


def slice_figure(land: xr.Dataset, picture: Picture, layer: Layer, height: int | None = None) -> go.Figure:
    """One readout as a curve, with a line at the picked point; what is not finite is a gap."""
    along = "alpha" if land.sizes["beta"] == 1 else "beta"
    values = drawn_values(land, layer.variable).ravel()
    positions, labels = layer.scale.ticks(values)
    drawn_first = layer.variable == picture.elevation.variable
    color = ink(picture.dark).accent if drawn_first else contour_color(layer.variable)
    figure = go.Figure(layout=base_layout(picture.dark, {"l": 56, "r": 8, "t": 8, "b": 40}))
    figure.add_trace(
        go.Scatter(
            x=land[along].values,
            y=layer.scale.apply(values),
            mode="lines+markers",
            line={"color": color, "width": 2},
            marker={"size": 4},
            customdata=hover_values(land, layer.variable).reshape(-1, 1),
            hovertemplate=f"%{{x:.3g}}<br>{title_of(land, layer.variable)} {hover_field(land, layer.variable, 0)}<extra></extra>",
            name=GROUND,
        )
    )
    if picture.point is not None:
        at = picture.point[0] if along == "alpha" else picture.point[1]
        figure.add_vline(at, line={"color": ink(picture.dark).faint, "width": 1, "dash": "dot"})
    figure.update_xaxes(**axis(picture.dark, axis_titles(land)[along == "beta"]))
    figure.update_yaxes(
        **axis(picture.dark, title_of(land, layer.variable)),
        tickvals=positions,
        ticktext=[for_plotly(label) for label in labels],
    )
    figure.update_layout(height=height, clickmode="event", hovermode="closest")
    return figure
