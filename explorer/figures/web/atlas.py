"""The atlas: small maps of one terrain, one for each readout, and the matrix of their rank correlations."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
import xarray as xr
from plotly.subplots import make_subplots

from ..shared.isolines import isolines
from ..shared.letters import letter
from ..shared.picture import Layer, drawn_values, hover_field, hover_values, name_of
from ..shared.plain_text import for_plotly
from ..shared.scales import format_value
from .colorbar import colouring, rgb_scale
from .map2d import ELEVATION_LINES, ELEVATION_OUTLINE
from .theme import base_layout, ink
from .titles import short_title_of

PER_ROW = 4


def atlas_figure(land: xr.Dataset, layers: Sequence[Layer], dark: bool) -> go.Figure:
    """A small map for each layer, with the contour lines of the first, which is the height; values at the pointer."""
    rows = -(-len(layers) // PER_ROW)
    titles = [_title(land, layer, k) for k, layer in enumerate(layers)]
    figure = make_subplots(
        rows, min(PER_ROW, len(layers)), subplot_titles=titles, horizontal_spacing=0.02, vertical_spacing=0.2 / rows
    )
    figure.update_layout(base_layout(dark, {"l": 6, "r": 6, "t": 40, "b": 6}))
    for k, layer in enumerate(layers):
        place = {"row": k // PER_ROW + 1, "col": k % PER_ROW + 1}
        figure.add_trace(_map(land, layer), **place)
        alpha, beta = isolines(land, layers[0], 6)
        for color, width in ((ELEVATION_OUTLINE, 1.8), (ELEVATION_LINES, 0.8)):
            line = {"color": color, "width": width}
            figure.add_trace(go.Scatter(x=alpha, y=beta, mode="lines", line=line, hoverinfo="skip"), **place)
    figure.update_xaxes(showticklabels=False, showgrid=False, zeroline=False, ticks="")
    figure.update_yaxes(showticklabels=False, showgrid=False, zeroline=False, ticks="")
    for d, update in (("alpha", figure.update_xaxes), ("beta", figure.update_yaxes)):
        update(range=[float(land[d].values.min()), float(land[d].values.max())])
    figure.update_annotations(font={"size": 11.5, "color": ink(dark).text})
    return figure


def _title(land: xr.Dataset, layer: Layer, k: int) -> str:
    values = land[layer.variable].values
    finite = values[np.isfinite(values)]
    ends = f"{format_value(finite.min(), 2)} … {format_value(finite.max(), 2)}" if finite.size else "not finite"
    return f"<b>{letter(k)}</b> {short_title_of(land, layer.variable)}<br><span style='font-size:10.5px'>{ends}</span>"


def _map(land: xr.Dataset, layer: Layer) -> go.Heatmap:
    look, drawn = colouring(land, layer, dark=False), drawn_values(land, layer.variable)
    return go.Heatmap(
        x=land["alpha"].values,
        y=land["beta"].values,
        z=layer.scale.apply(drawn).T,
        customdata=hover_values(land, layer.variable).T[..., None],
        colorscale=look["colorscale"],
        zmin=look["cmin"],
        zmax=look["cmax"],
        zsmooth="best" if layer.scale.kind != "class" and bool(np.isfinite(drawn).all()) else False,
        showscale=False,
        hovertemplate=f"α %{{x:.3g}} · β %{{y:.3g}}<br>{short_title_of(land, layer.variable)} "
        f"{hover_field(land, layer.variable, 0)}<extra></extra>",
        name=layer.variable,
    )


def ranks_figure(land: xr.Dataset, variables: Sequence[str], rho: np.ndarray, dark: bool) -> go.Figure:
    """The lower triangle of the rank correlations, each with its number."""
    letters = [letter(k) for k in range(len(variables))]
    names = [f"<b>{letter(k)}</b> {for_plotly(name_of(land, name))}" for k, name in enumerate(variables)]
    shown = np.where(np.tri(len(variables), k=-1, dtype=bool), rho, np.nan)
    text = [[f"{v:.2f}".replace("-", "−") if np.isfinite(v) else "" for v in row] for row in shown]
    figure = go.Figure(layout=base_layout(dark, {"l": 8, "r": 8, "t": 8, "b": 24}))
    figure.add_trace(
        go.Heatmap(
            x=letters[:-1],
            y=names[1:],
            z=shown[1:, :-1],
            text=[row[:-1] for row in text[1:]],
            texttemplate="%{text}",
            textfont={"size": 11},
            colorscale=rgb_scale("RdBu_r"),
            zmin=-1,
            zmax=1,
            showscale=False,
            hovertemplate="%{y} and %{x}: ρ = %{text}<extra></extra>",
            hoverongaps=False,
            xgap=1,
            ygap=1,
        )
    )
    font = {"size": 11, "color": ink(dark).text}
    figure.update_yaxes(autorange="reversed", tickfont=font, automargin=True, showgrid=False, ticks="")
    figure.update_xaxes(tickfont=font, showgrid=False, ticks="")
    return figure
