"""A claim about sparse data as a small plot: density against the number, with the medians of ten equal groups."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import xarray as xr

from ..shared.density_scale import fitting
from .theme import axis, base_layout, ink

GROUPS = 10
FEWEST_FOR_GROUPS = 50


def claim_figure(dataset: xr.Dataset, variable: str, dark: bool) -> go.Figure:
    """Every example where both numbers are finite; from left, sparse, to right, dense."""
    colors = ink(dark)
    look = fitting(dataset, variable)
    density, placed = dataset["density"].values, look.scale.apply(look.values)
    shown = np.isfinite(density) & np.isfinite(placed)
    figure = go.Figure(layout=base_layout(dark, {"l": 52, "r": 6, "t": 6, "b": 36}))
    figure.add_trace(
        go.Scatter(
            x=density[shown],
            y=placed[shown],
            mode="markers",
            marker={"size": 4, "color": colors.faint, "opacity": 0.45},
            hoverinfo="skip",
            name="examples",
        )
    )
    if shown.sum() >= FEWEST_FOR_GROUPS:
        figure.add_trace(_medians(density[shown], placed[shown], colors.accent))
    positions, labels = look.scale.ticks(look.values[shown], 4)
    figure.update_xaxes(**axis(dark, "density in the full space, sparse → dense"))
    figure.update_yaxes(**axis(dark, look.title.partition(" (")[0].lower()), tickvals=positions, ticktext=labels)
    return figure


def _medians(x: np.ndarray, y: np.ndarray, color: str) -> go.Scatter:
    places = np.unique(x)
    groups = np.array_split(np.argsort(x, kind="stable"), GROUPS)
    if len(places) <= GROUPS:  # distances between tokens take few values
        groups = [np.flatnonzero(x == place) for place in places]
    return go.Scatter(
        x=[float(np.median(x[g])) for g in groups],
        y=[float(np.median(y[g])) for g in groups],
        mode="lines+markers",
        line={"color": color, "width": 2},
        marker={"size": 5},
        hoverinfo="skip",
        name="median of each tenth",
    )
