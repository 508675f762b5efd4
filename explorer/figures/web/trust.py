"""Figures about the plane itself: other draws beside it, and the training path above it."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from ..shared.scales import Scale
from .theme import axis, base_layout, ink


def band_figure(band: dict[str, Any], dark: bool, height: int = 240) -> go.Figure:
    """Loss along single directions of other seeds: the mean and the band that holds 80 % of them."""
    colors = ink(dark)
    alpha, mean, low, high = (np.array(band[k], float) for k in ("alpha", "mean", "low", "high"))
    scale = _scale(np.concatenate([low, mean, high]))
    figure = go.Figure(layout=base_layout(dark, {"l": 52, "r": 8, "t": 8, "b": 40}))
    edge = {"width": 0}
    figure.add_trace(go.Scatter(x=alpha, y=scale.apply(high), line=edge, hoverinfo="skip", name="90 %"))
    figure.add_trace(
        go.Scatter(
            x=alpha, y=scale.apply(low), line=edge, fill="tonexty", fillcolor=colors.grid, hoverinfo="skip", name="10 %"
        )
    )
    figure.add_trace(go.Scatter(x=alpha, y=scale.apply(mean), line={"color": colors.accent, "width": 2}, name="mean"))
    return _finished(figure, scale, np.concatenate([low, high]), dark, "multiple of the direction", height)


def path_figure(path: dict[str, Any], steps: list[int], dark: bool, height: int = 240) -> go.Figure:
    """Each checkpoint's true loss against the plane's loss under it, along training; and what the training wrote down."""
    colors = ink(dark)
    true, shown = (np.array(path[k], float) for k in ("true_loss", "plane_loss"))
    told = np.array(path.get("training_loss", []), float)
    scale = _scale(np.concatenate([true, shown, told]))
    figure = go.Figure(layout=base_layout(dark, {"l": 52, "r": 8, "t": 8, "b": 40}))
    for values, color, dash, name in (
        (true, colors.accent, "solid", "at the checkpoint"),
        (shown, colors.faint, "dot", "on the plane under it"),
        (told, colors.faint, "dash", "as the training wrote it down"),
    ):
        if not len(values):
            continue
        line = {"color": color, "width": 2, "dash": dash}
        figure.add_trace(go.Scatter(x=list(range(len(steps))), y=scale.apply(values), line=line, name=name))
    figure.update_layout(showlegend=True, legend={"orientation": "h", "y": 1.12, "x": 0})
    return _finished(figure, scale, np.concatenate([true, shown, told]), dark, "checkpoint", height)


def _scale(values: np.ndarray) -> Scale:
    finite = values[np.isfinite(values)]
    return Scale("log") if finite.size and finite.min() > 0 else Scale("linear")


def _finished(figure: go.Figure, scale: Scale, values: np.ndarray, dark: bool, title: str, height: int) -> go.Figure:
    positions, labels = scale.ticks(values, 5)
    figure.update_xaxes(**axis(dark, title))
    figure.update_yaxes(**axis(dark, "loss (nats)"), tickvals=positions.tolist(), ticktext=labels)
    figure.update_layout(height=height)
    return figure
