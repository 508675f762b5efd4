"""One panel of a claim's figure: whatever series it has, its rows by name, the outcome as a word at the right."""

from __future__ import annotations

import plotly.graph_objects as go
from lossnav.core.claims import Panel, Series

from ..shared.plain_text import for_plotly
from ..shared.style import class_colors
from .theme import axis, base_layout, ink

TALL, ROW, BAR = 300, 46, 24  # pixels, of each named row, and of each bar
LETTER = 6.4  # pixels of a row's name, on average
FAINT = 0.25


def panel_figure(panel: Panel, dark: bool) -> go.Figure:
    """The panel as it is drawn on the page."""
    right = 130 if panel.words else 12
    figure = go.Figure(layout=base_layout(dark, {"l": _left(panel), "r": right, "t": 34, "b": 44}))
    colors = class_colors(len(panel.series))
    shown: set[str] = set()
    for series, color in zip(panel.series, colors, strict=True):
        figure.add_trace(_trace(series, color, bool(panel.rows), series.name not in shown))
        shown.add(series.name)
    for x in panel.upright:
        figure.add_vline(x, line={"color": ink(dark).faint, "width": 1, "dash": "dot"})
    named = [each for each in panel.series if not each.faint]
    figure.update_layout(
        title={"text": for_plotly(panel.title), "font": {"size": 13}, "x": 0, "xref": "paper"},
        showlegend=len(named) > 1,
        legend={"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 1, "xanchor": "right", "font": {"size": 11}},
        height=max(TALL, 100 + _row(panel) * len(panel.rows)),
    )
    figure.update_xaxes(**axis(dark, for_plotly(panel.x)), type="log" if "x" in panel.logarithmic else "linear")
    figure.update_yaxes(**axis(dark, for_plotly(panel.y)), type="log" if "y" in panel.logarithmic else "linear")
    if panel.rows:
        _name_rows(figure, panel)
    return figure


def _left(panel: Panel) -> int:
    """Room for the longest name of a row."""
    return max(70, int(LETTER * max((len(name) for name in panel.rows), default=0)) + 16)


def _row(panel: Panel) -> int:
    return BAR if all(series.kind == "bars" for series in panel.series) else ROW


def _trace(series: Series, color: str, named: bool, first: bool) -> go.Scatter | go.Bar:
    common = {"name": for_plotly(series.name), "opacity": FAINT if series.faint else 1.0}
    if series.kind == "bars":
        return go.Bar(x=series.x, y=series.y, orientation="h", marker={"color": color}, **common)
    reach = _reach(series, named, color)
    mode, width = ("lines", 1 if series.faint else 2.5) if series.kind == "line" else ("markers", 0)
    return go.Scatter(
        x=series.x,
        y=series.y,
        mode=mode,
        line={"color": color, "width": width},
        marker={"color": color, "size": 4 if len(series.x) > 100 else 7},
        showlegend=first and not series.faint,
        **common,
        **reach,
    )


def _reach(series: Series, named: bool, color: str) -> dict[str, object]:
    """The interval as plotly's error bars: along x where rows are named, else along y."""
    if not series.low:
        return {}
    values = series.x if named else series.y
    gaps = [(h or 0) - (v or 0) for v, h in zip(values, series.high, strict=True)]
    under = [(v or 0) - (low or 0) for v, low in zip(values, series.low, strict=True)]
    bars = {"type": "data", "array": gaps, "arrayminus": under, "thickness": 1.2, "width": 0, "color": color}
    return {"error_x" if named else "error_y": bars}


def _name_rows(figure: go.Figure, panel: Panel) -> None:
    count = len(panel.rows)
    names = [for_plotly(name) for name in panel.rows]
    figure.update_yaxes(tickvals=list(range(count)), ticktext=names, range=[count - 0.5, -0.5])
    for y, word in enumerate(panel.words):
        figure.add_annotation(
            x=1.01, xref="paper", xanchor="left", y=y, text=for_plotly(word), showarrow=False, font={"size": 11}
        )
