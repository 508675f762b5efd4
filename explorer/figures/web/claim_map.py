"""The map of claim memory as a grid, and the twins' terrains side by side."""

from __future__ import annotations

import plotly.graph_objects as go
from lossnav.core.claims import OUTCOMES, TWIN_HISTORIES, Panel, TwinPair
from plotly.subplots import make_subplots

from ..shared.plain_text import for_plotly
from ..shared.style import TERRAIN_NAME, class_colors, colormap_for
from .theme import axis, base_layout

ROW, SIDE = 30, 300  # pixels


def grid_figure(panel: Panel, picked: str, dark: bool) -> go.Figure:
    """Contrasts as rows, outcomes as columns; each mark carries its contrast, so that a press on it opens it."""
    figure = go.Figure(layout=base_layout(dark, {"l": 100, "r": 12, "t": 40, "b": 8}))
    for series, color in zip(panel.series, class_colors(len(panel.series)), strict=True):
        names = [panel.rows[int(y or 0)] for y in series.y]
        figure.add_trace(
            go.Scatter(
                x=series.x,
                y=series.y,
                mode="markers",
                name=for_plotly(series.name),
                customdata=[[name] for name in names],
                hovertemplate="%{customdata[0]}<extra>" + for_plotly(series.name) + "</extra>",
                marker={
                    "symbol": "square",
                    "size": 17,
                    "color": color,
                    "line": {"width": [3 if name == picked else 0 for name in names]},
                },
            )
        )
    count = len(panel.rows)
    figure.update_layout(height=60 + ROW * count, uirevision=None)
    figure.update_xaxes(
        **axis(dark, ""),
        side="top",
        tickvals=list(range(len(OUTCOMES))),
        ticktext=OUTCOMES,
        range=[-0.5, len(OUTCOMES) - 0.5],
    )
    names = [for_plotly(name) for name in panel.rows]
    figure.update_yaxes(**axis(dark, ""), tickvals=list(range(count)), ticktext=names, range=[count - 0.5, -0.5])
    return figure


def terrains_figure(twins: TwinPair, examples: str, dark: bool) -> go.Figure:
    """Both networks' loss over some examples, each on the plane of its own two sharpest directions, on one scale."""
    figure = make_subplots(1, 2, subplot_titles=TWIN_HISTORIES, shared_yaxes=True, horizontal_spacing=0.04)
    grids = twins.terrains[examples]
    top = max(value for grid in grids for row in grid for value in row)
    for k, grid in enumerate(grids):
        figure.add_trace(
            go.Contour(
                x=twins.axis,
                y=twins.axis,
                z=[list(column) for column in zip(*grid, strict=True)],
                colorscale=colormap_for(TERRAIN_NAME),
                zmin=0,
                zmax=top,
                ncontours=16,
                showscale=k == 1,
                colorbar={"title": {"text": "loss", "side": "right"}, "thickness": 12},
                line={"width": 0.5},
            ),
            1,
            k + 1,
        )
    figure.update_layout(base_layout(dark, {"l": 50, "r": 12, "t": 34, "b": 40}), height=SIDE)
    figure.update_xaxes(**axis(dark, "along the sharpest direction"))
    figure.update_yaxes(**axis(dark, "the second"), col=1)
    return figure
