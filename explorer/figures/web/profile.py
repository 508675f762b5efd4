"""A profile: every readout along a line, the loss with its barrier; and the line on the map → plotly."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
import xarray as xr
from lossnav.core.profile import Barrier
from plotly.subplots import make_subplots

from ..shared.picture import drawn_values, name_of
from ..shared.plain_text import for_plotly
from ..shared.scales import format_value
from ..shared.style import contour_color
from .theme import axis, base_layout, ink

LOSS, EACH = 200, 84  # pixels of the loss's row, and of each further one
ROOM = 64  # above and below


def profile_figure(
    land: xr.Dataset,
    variables: Sequence[str],
    rise: Barrier,
    dark: bool,
    before: xr.Dataset | None = None,
    curve: tuple[np.ndarray, np.ndarray] | None = None,
) -> go.Figure:
    """The loss with the straight line between its ends and the barrier, and below it each of `variables`.

    before  the same line without alignment, its loss drawn dotted
    curve   t and losses of a curved path between the ends
    """
    rows = 1 + len(variables)
    tall = LOSS + EACH * len(variables)
    heights = [LOSS / tall, *[EACH / tall] * len(variables)]
    figure = make_subplots(
        rows=rows, cols=1, shared_xaxes=True, row_heights=heights, vertical_spacing=0.26 / (rows + 3)
    )
    figure.update_layout(base_layout(dark, {"l": 52, "r": 10, "t": 24, "b": 38}))
    if curve is not None:
        _curve(figure, *curve, dark)
    _loss(figure, land, rise, dark, before)
    dotted = "; dotted: before alignment" if before is not None else ""
    curved = "; thin: a curve of low loss" if curve is not None else ""
    _named(figure, 1, f"Loss; barrier {format_value(rise.height)}{dotted}{curved}", dark)
    for row, variable in enumerate(variables, 2):
        t, values = land["alpha"].values, drawn_values(land, variable)[:, 0]
        known = np.isfinite(values)
        line = {"color": contour_color(variable), "width": 2}
        hover = f"t %{{x:.3g}}<br>{for_plotly(name_of(land, variable))} %{{y:.4~g}}<extra></extra>"
        trace = go.Scatter(
            x=t[known], y=values[known], mode="lines+markers", marker={"size": 3}, line=line, name=variable
        )
        figure.add_trace(trace.update(hovertemplate=hover), row=row, col=1)
        _named(figure, row, for_plotly(name_of(land, variable)), dark)
    for row in range(1, rows + 1):
        figure.update_yaxes(**axis(dark, ""), nticks=6 if row == 1 else 4, row=row, col=1)
        figure.update_xaxes(**axis(dark, "t, from 0 to 1" if row == rows else ""), row=row, col=1)
    figure.update_layout(height=tall + ROOM, showlegend=False, uirevision="profile", hovermode="closest")
    return figure


def _loss(figure: go.Figure, land: xr.Dataset, rise: Barrier, dark: bool, before: xr.Dataset | None) -> None:
    colors = ink(dark)
    t, losses = land["alpha"].values, land["loss"].values[:, 0]
    chord = {"color": colors.line, "width": 1, "dash": "dash"}
    ends = go.Scatter(x=t[[0, -1]], y=losses[[0, -1]], mode="lines", line=chord, name="straight line", hoverinfo="skip")
    figure.add_trace(ends, row=1, col=1)
    hover = "t %{x:.3g}<br>loss %{y:.4~g}<extra></extra>"
    if before is not None:
        look = {"color": colors.faint, "width": 2, "dash": "dot"}
        other = {"x": before["alpha"].values, "y": before["loss"].values[:, 0], "hovertemplate": hover}
        figure.add_trace(go.Scatter(**other, mode="lines", line=look, name="before alignment"), row=1, col=1)
    look = {"color": colors.accent, "width": 2.4}
    own = {"x": t, "y": losses, "hovertemplate": hover, "marker": {"size": 4}}
    figure.add_trace(go.Scatter(**own, mode="lines+markers", line=look, name="loss"), row=1, col=1)
    if np.isfinite(rise.height) and rise.height > 0:
        foot = (1 - rise.at) * losses[0] + rise.at * losses[-1]
        place = t[0] + rise.at * (t[-1] - t[0])
        mark = {"color": colors.text, "width": 1.5}
        pole = {"x": [place, place], "y": [foot, foot + rise.height], "hoverinfo": "skip"}
        figure.add_trace(go.Scatter(**pole, mode="lines", line=mark, name="barrier"), row=1, col=1)


def _curve(figure: go.Figure, t: np.ndarray, loss: np.ndarray, dark: bool) -> None:
    look = {"color": ink(dark).text, "width": 1.4}
    hover = "t %{x:.3g}<br>loss along the curve %{y:.4~g}<extra></extra>"
    own = {"x": t, "y": loss, "hovertemplate": hover}
    figure.add_trace(go.Scatter(**own, mode="lines", line=look, name="curve of low loss"), row=1, col=1)


def _named(figure: go.Figure, row: int, text: str, dark: bool) -> None:
    number = "" if row == 1 else str(row)
    figure.add_annotation(
        text=text,
        x=0,
        y=1,
        xref=f"x{number} domain",
        yref=f"y{number} domain",
        xanchor="left",
        yanchor="bottom",
        showarrow=False,
        font={"size": 11, "color": ink(dark).text},
    )


def line_on_map(ends: tuple[tuple[float, float], tuple[float, float]] | None) -> list[go.Scatter]:
    """The line of a profile on the map, from its hollow start to its full end."""
    if ends is None:
        return []
    place = {"x": [end[0] for end in ends], "y": [end[1] for end in ends], "hoverinfo": "skip"}
    outline = go.Scatter(**place, mode="lines", line={"color": "black", "width": 4}, name="outline")
    symbols = {"symbol": ["circle-open", "circle"], "size": 8, "color": "white", "line": {"width": 2}}
    line = {"color": "white", "width": 2, "dash": "dash"}
    return [outline, go.Scatter(**place, mode="lines+markers", line=line, marker=symbols, name="profile")]
