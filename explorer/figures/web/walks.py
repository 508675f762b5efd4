"""Walks over the terrain and the map, and their loss against the terrain's below them: → plotly traces and figure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
import xarray as xr

from ..shared.isolines import heights_at
from ..shared.picture import Layer
from ..shared.plain_text import for_plotly
from ..shared.scales import Scale, format_value
from ..shared.walks import DrawnWalk, ends_of
from .theme import axis, base_layout, ink


def walks_over_terrain(land: xr.Dataset, layer: Layer, walks: Sequence[DrawnWalk], lift: float) -> list[go.Scatter3d]:
    """Each walk's projection, on the surface; its own loss is in what the pointer is told."""
    traces = []
    for walk in walks:
        a, b = walk.inside(ends_of(land))
        z = heights_at(land, layer, a, b) + 3 * lift
        common: dict[str, Any] = {"x": a, "y": b, "z": z, "hovertemplate": "%{text}<extra></extra>", "text": walk.texts}
        name = for_plotly(f"{walk.name}, projection")
        traces.append(go.Scatter3d(**common, mode="lines", line={"color": walk.color, "width": 7}, name=name))
        marker = {"symbol": "diamond", "size": 5, "color": walk.color, "line": {"color": "white", "width": 1}}
        last = {key: value[-1:] if key != "hovertemplate" else value for key, value in common.items()}
        end = {**last, "mode": "markers+text", "marker": marker, "name": for_plotly(f"{walk.name}, end")}
        end |= {"text": [format_value(walk.loss[-1])], "hovertext": walk.texts[-1:], "textposition": "top center"}
        end |= {"hovertemplate": "%{hovertext}<extra></extra>", "textfont": {"size": 13, "color": walk.color}}
        traces.append(go.Scatter3d(**end))
    return traces


def walks_on_map(land: xr.Dataset, walks: Sequence[DrawnWalk]) -> list[go.Scatter]:
    """The same on the map, with a white outline."""
    traces = []
    for walk in walks:
        a, b = walk.inside(ends_of(land))
        place = {"x": a, "y": b}
        outline = {"color": "white", "width": 4.2}
        traces.append(go.Scatter(**place, mode="lines", line=outline, hoverinfo="skip", name="outline"))
        traces.append(
            go.Scatter(
                **place,
                mode="lines+markers",
                line={"color": walk.color, "width": 2.2},
                marker={
                    "size": [4] * (len(a) - 1) + [10],
                    "symbol": ["circle"] * (len(a) - 1) + ["star"],
                    "color": walk.color,
                },
                text=walk.texts,
                hovertemplate="%{text}<extra></extra>",
                name=for_plotly(f"{walk.name}, projection"),
            )
        )
        traces.append(loss_label(float(a[-1]), float(b[-1]), walk.loss[-1], walk.color, walk.name))
    return traces


def loss_label(x: float, y: float, loss: float, color: str, whose: str) -> go.Scatter:
    """A training's own loss, written beside its end on the map."""
    font = {"size": 12, "weight": 700, "color": "white", "shadow": f"0 0 2px {color}, 0 0 2px black, 0 0 4px black"}
    return go.Scatter(
        x=[x],
        y=[y],
        mode="text",
        text=[format_value(loss)],
        textposition="top right",
        textfont=font,
        cliponaxis=False,
        hoverinfo="skip",
        name=for_plotly(f"own loss of {whose}"),
    )


def walk_figure(land: xr.Dataset, walks: Sequence[DrawnWalk], dark: bool, height: int | None = None) -> go.Figure:
    """True loss against the step, solid; the terrain under the walk's projection, dotted."""
    figure = go.Figure(layout=base_layout(dark, {"l": 52, "r": 8, "t": 26, "b": 40}))
    plain = Layer("loss", Scale("linear"))
    for walk in walks:
        below = heights_at(land, plain, *walk.inside(ends_of(land)))
        for y, dash, said in ((walk.loss, "solid", "loss there"), (below, "dot", "terrain under it")):
            figure.add_trace(_curve(walk, y, dash, said))
    ground = np.concatenate([np.array(walk.loss) for walk in walks] or [np.ones(1)])
    positive = bool((ground[np.isfinite(ground)] > 0).all())
    figure.update_xaxes(**axis(dark, "step"))
    figure.update_yaxes(**axis(dark, "loss"), type="log" if positive else "linear", exponentformat="power", nticks=6)
    note = "solid: at the place itself · dotted: the terrain under its projection"
    look: dict[str, Any] = {"showarrow": False, "xref": "paper", "yref": "paper", "x": 0, "y": 1, "yanchor": "bottom"}
    figure.add_annotation(text=note, xanchor="left", font={"size": 11, "color": ink(dark).faint}, **look)
    figure.update_layout(height=height, uirevision="walks")
    return figure


def _curve(walk: DrawnWalk, y: Any, dash: str, said: str) -> go.Scatter:
    return go.Scatter(
        x=walk.step,
        y=y,
        mode="lines",
        line={"color": walk.color, "width": 2, "dash": dash},
        name=for_plotly(f"{walk.name}: {said}"),
        hovertemplate=f"{for_plotly(walk.name)}, step %{{x}}<br>{said} %{{y:.4~g}}<extra></extra>",
    )
