"""What a network that predicts numbers predicts at several places: answers → plotly figure."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
from lossnav.core.answers import CURVE, Answers

from ..shared.plain_text import for_plotly
from .theme import axis, base_layout, ink

DASHES = ("dot", "solid")  # the trained network, then the picked point


def fit_figure(answers: Answers, dark: bool, height: int | None = None) -> go.Figure:
    """The fit over the one input, or predicted against true values with the diagonal."""
    figure = go.Figure(layout=base_layout(dark, {"l": 52, "r": 8, "t": 30, "b": 42}))
    (_curves if answers.kind == CURVE else _pairs)(figure, answers, dark)
    legend = {"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0}
    figure.update_layout(height=height, showlegend=True, legend=legend, uirevision="answers")
    return figure


def _curves(figure: go.Figure, answers: Answers, dark: bool) -> None:
    numbers, colors = answers.numbers, ink(dark)
    figure.add_trace(_points(numbers["data_x"], numbers["data_y"], colors.faint, "examples"))
    for place, y, color, dash in zip(answers.places, numbers["y"], (colors.text, colors.accent), DASHES, strict=False):
        line = {"color": color, "width": 2.2, "dash": dash}
        figure.add_trace(go.Scatter(x=numbers["x"], y=y, mode="lines", line=line, name=for_plotly(place)))
    figure.update_xaxes(**axis(dark, "input"))
    figure.update_yaxes(**axis(dark, "output"))


def _pairs(figure: go.Figure, answers: Answers, dark: bool) -> None:
    numbers, colors = answers.numbers, ink(dark)
    ends = [float(np.nanmin(numbers["target"])), float(np.nanmax(numbers["target"]))]
    line = {"color": colors.line, "width": 1, "dash": "dash"}
    figure.add_trace(go.Scatter(x=ends, y=ends, mode="lines", line=line, name="predicted = true", hoverinfo="skip"))
    for place, y, color in zip(answers.places, numbers["predicted"], (colors.faint, colors.accent), strict=False):
        figure.add_trace(_points(numbers["target"], y, color, for_plotly(place)))
    figure.update_xaxes(**axis(dark, "true value"))
    figure.update_yaxes(**axis(dark, "predicted"))


def _points(x: np.ndarray, y: np.ndarray, color: str, name: str) -> go.Scatter:
    return go.Scatter(x=x, y=y, mode="markers", marker={"size": 4, "color": color, "opacity": 0.6}, name=name)
