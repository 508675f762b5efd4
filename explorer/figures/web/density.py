"""The density map: (map, colour, look) → plotly figure. Bands hold stated shares of the data, every example is a point."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
import xarray as xr
from lossnav.core.density import DensityInfo
from plotly.colors import hex_to_rgb

from ..shared.density_scale import fitting, value_texts
from ..shared.style import GAP_COLOR, colormap_for
from .colorbar import bar, rgb_scale
from .theme import axis, base_layout, ink

SHARES = (0.1, 0.3, 0.5, 0.7, 0.9, 0.99)  # of the estimated mass inside each line
MOST_DRAWN_AS_SHAPES = 4000  # beyond, the points are drawn by WebGL
MOST_CLASSES = 10
# Tableau's ten, which most people tell apart on light and on dark
CLASS_COLORS = (
    "#4E79A7",
    "#F28E2B",
    "#E15759",
    "#76B7B2",
    "#59A14F",
    "#EDC948",
    "#B07AA1",
    "#FF9DA7",
    "#9C755F",
    "#BAB0AC",
)
COLORMAP_OF = {"perplexity": "perplexity", "confidence": "probability", "gradient_norm": "terrain", "loss": "terrain"}


def density_figure(dataset: xr.Dataset, color: str, dark: bool, picked: int | None = None) -> go.Figure:
    """Bands of equal mass, the examples on them coloured by a variable of the map ("label": by class)."""
    figure = go.Figure(layout=base_layout(dark, {"l": 52, "r": 8, "t": 10, "b": 44}))
    figure.add_trace(_bands(dataset, dark))
    values = dataset[color].values
    by_class = color == "label" and len(np.unique(values)) <= MOST_CLASSES
    figure.add_traces(_classes(dataset, dark) if by_class else _coloured(dataset, color, dark))
    if picked is not None:
        figure.add_traces(_ring(dataset, picked))
    first, second = DensityInfo.of(dataset).axes
    for update, title, name in ((figure.update_xaxes, first, "grid_x"), (figure.update_yaxes, second, "grid_y")):
        side = dataset[name].values
        ends = [float(side[0]), float(side[-1])]
        update(**axis(dark, title), range=ends, constrain="domain", showgrid=False)
    figure.update_yaxes(scaleanchor="x", constraintoward="top")  # the kernel is round
    figure.update_layout(
        hoverlabel={"bgcolor": ink(dark).ground, "font": {"color": ink(dark).text}},
        showlegend=by_class,
        legend={"title": {"text": "Class"}, "itemsizing": "constant", "x": 1.01, "y": 1.0, "bgcolor": "rgba(0,0,0,0)"},
        clickmode="event+select",
        hovermode="closest",
        uirevision="density",
    )
    return figure


def thresholds(density: np.ndarray, shares: Sequence[float]) -> np.ndarray:
    """The densities above which stated shares of the mass lie, one per share (highest density regions, Hyndman 1996).

    >>> thresholds(np.array([[4.0, 1.0], [3.0, 2.0]]), (0.4, 0.7)).tolist()
    [4.0, 3.0]
    """
    falling = np.sort(density, axis=None)[::-1]
    return np.interp(shares, np.cumsum(falling) / falling.sum(), falling)


def picked_example(event: Mapping[str, Any] | None) -> int | None:
    """The example that a selection event reports, or None where nothing is selected.

    >>> picked_example({"selection": {"points": [{"customdata": [7, "a", "b"]}]}})
    7
    >>> picked_example({"selection": {"points": []}}) is None
    True
    """
    points = ((event or {}).get("selection") or {}).get("points") or []
    data = points[0].get("customdata") if points else None
    if isinstance(data, Mapping):
        data = [data[key] for key in sorted(data)]
    return int(data[0]) if data else None


def _bands(dataset: xr.Dataset, dark: bool) -> go.Contour:
    """Filled contours at stated shares of the mass; evenly spaced numbers stand for the uneven densities."""
    density = np.maximum(dataset["kernel_density"].values, 1e-300)
    inner = np.log([*thresholds(density, SHARES[::-1]), density.max()])
    edges = np.maximum.accumulate([2 * inner[0] - inner[1], *inner])  # a kink at the outermost line would fray it
    steps = np.interp(np.log(density), edges, np.arange(len(edges)))
    line = "rgba(228,235,235,0.28)" if dark else "rgba(27,37,38,0.28)"
    return go.Contour(
        x=dataset["grid_x"].values,
        y=dataset["grid_y"].values,
        z=steps.T,
        zmin=0.5,
        zmax=len(SHARES) + 0.5,
        contours={"start": 1, "end": len(SHARES), "size": 1, "coloring": "fill"},
        colorscale=_ground(dark),
        line={"width": 0.8, "color": line},
        showscale=False,
        hoverinfo="skip",
        name="density",
    )


def _ground(dark: bool) -> list[tuple[float, str]]:
    """From nothing to a quiet grey. Bands are painted over one another, so only the lowest may be transparent."""
    ground, text = (np.array(hex_to_rgb(color)) for color in (ink(dark).ground, ink(dark).text))
    mixed = [ground + share * (text - ground) for share in np.linspace(0.05, 0.36, len(SHARES))]
    colors = [f"rgb({r:.0f},{g:.0f},{b:.0f})" for r, g, b in mixed]
    return [(i / len(SHARES), color) for i, color in enumerate(["rgba(0,0,0,0)", *colors])]


def _coloured(dataset: xr.Dataset, color: str, dark: bool) -> list[go.Scatter]:
    look = fitting(dataset, color)
    drawn, scale = look.values, look.scale
    order = np.argsort(drawn, kind="stable")  # what stands out lies on top
    known = order[np.isfinite(drawn[order])]
    low, high = scale.limits(drawn)
    positions, labels = scale.ticks(drawn)
    marker = {
        "color": scale.apply(drawn)[known],
        "colorscale": rgb_scale(colormap_for(COLORMAP_OF.get(color, "terrain"))),
        "cmin": low,
        "cmax": high,
        "colorbar": bar(look.title, "right", (positions.tolist(), labels), dark, len=1.0, x=1.01),
    }
    traces = [_points(dataset, known, marker, "examples", dark)]
    missing = order[~np.isfinite(drawn[order])]
    if missing.size:
        traces.append(_points(dataset, missing, {"color": GAP_COLOR, "symbol": "x"}, "not finite", dark))
    return traces


def _classes(dataset: xr.Dataset, dark: bool) -> list[go.Scatter]:
    labels = dataset["label"].values
    return [
        _points(dataset, np.flatnonzero(labels == each), {"color": CLASS_COLORS[i]}, str(each), dark)
        for i, each in enumerate(np.unique(labels))
    ]


def _points(dataset: xr.Dataset, rows: np.ndarray, marker: dict[str, Any], name: str, dark: bool) -> go.Scatter:
    kind = go.Scatter if dataset.sizes["example"] <= MOST_DRAWN_AS_SHAPES else go.Scattergl
    size = float(np.clip(150 / np.sqrt(dataset.sizes["example"]), 4.0, 9.0))
    edge = {"width": 0.5, "color": "rgba(255,255,255,0.35)" if dark else "rgba(0,0,0,0.45)"}
    same: dict[str, Any] = {"marker": {"opacity": 0.9}}
    return kind(
        x=dataset["x"].values[rows],
        y=dataset["y"].values[rows],
        mode="markers",
        marker={"size": size, "opacity": 0.9, "line": edge, **marker},
        selected=same,
        unselected=same,
        customdata=np.array([[int(n), value_texts(dataset, int(n))] for n in rows], dtype=object).reshape(-1, 2),
        hovertemplate="%{customdata[1]}<extra></extra>",
        name=name,
    )


def _ring(density_map: xr.Dataset, picked: int) -> list[go.Scatter]:
    place = {"x": [float(density_map["x"].values[picked])], "y": [float(density_map["y"].values[picked])]}
    rings = (("white", 15), ("black", 18))
    return [
        go.Scatter(
            **place,
            mode="markers",
            marker={"symbol": "circle-open", "size": size, "color": color, "line": {"width": 2}},
            hoverinfo="skip",
            showlegend=False,
            name="picked example",
        )
        for color, size in rings
    ]
