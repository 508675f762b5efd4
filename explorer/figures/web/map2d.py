"""The 2-D map: (landscape, picture) → plotly figure; its colours answer the pointer at every grid point."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import xarray as xr

from ..shared.arrows import Arrows, arrows_of
from ..shared.contour_labels import contour_labels
from ..shared.isolines import isolines
from ..shared.picture import Layer, Picture, axis_titles, drawn_values, hover_field, hover_values, minimum, path_inside
from ..shared.plain_text import for_plotly
from ..shared.scales import format_value
from ..shared.style import contour_color
from ..shared.walks import own_loss
from .colorbar import colouring
from .line import GROUND, is_slice, slice_figure
from .profile import line_on_map
from .theme import PATH, PATH_END, axis, base_layout, ink
from .titles import title_of
from .walks import loss_label, walks_on_map

LEVELS = 9  # contour lines of a layer, about
# numbers on any colour, as far as a browser's shadow goes
NUMBERS_SHADOW = "0 0 2px black, 0 0 2px black, 0 0 3px black"
# of the height: light on dark colours, and an outline that shows on light ones
ELEVATION_LINES, ELEVATION_OUTLINE = "rgba(255,255,255,0.8)", "rgba(0,0,0,0.3)"


def map_figure(land: xr.Dataset, picture: Picture, height: int | None = None) -> go.Figure:
    """Colour, contour lines of the elevation and of further overlays, path, arrows and the picked point."""
    if is_slice(land):
        return slice_figure(land, picture, picture.color, height)
    figure = go.Figure(layout=_layout(land, picture, height))
    figure.add_trace(_color(land, picture))
    if picture.contours:
        figure.add_trace(_lines(land, picture.elevation, ELEVATION_OUTLINE, 2.2, ", outline"))
        figure.add_trace(_lines(land, picture.elevation, ELEVATION_LINES, 1.0))
    for layer in picture.lines:
        figure.add_trace(_lines(land, layer, contour_color(layer.variable), 2.0))
    figure.add_trace(_numbers(land, picture))
    for name in picture.arrows:
        figure.add_traces(_arrows(land, name))
    if picture.path:
        figure.add_traces(_path(land, picture))
    figure.add_traces(walks_on_map(land, picture.walks))
    figure.add_traces(line_on_map(picture.line))
    figure.add_traces(_marks(land, picture))
    return figure


def _layout(land: xr.Dataset, picture: Picture, height: int | None) -> go.Layout:
    """The layout, whole before it has a figure, which it would tell of every part."""
    first, second = (axis(picture.dark, title) for title in axis_titles(land))
    layout = base_layout(picture.dark, {"l": 46, "r": 8, "t": 8, "b": 40})
    layout.xaxis = {**first, "range": _ends(land, "alpha"), "constrain": "domain", "showgrid": False}
    layout.yaxis = {**second, "range": _ends(land, "beta"), "showgrid": False}
    layout.height, layout.clickmode, layout.hovermode, layout.hoverdistance = height, "event", "closest", 30
    return layout


def _color(land: xr.Dataset, picture: Picture) -> go.Heatmap:
    layer = picture.color
    look = colouring(land, layer, dark=False)
    smooth = layer.scale.kind != "class" and bool(np.isfinite(drawn_values(land, layer.variable)).all())
    variables = list(dict.fromkeys([picture.elevation.variable, layer.variable]))
    values = "<br>".join(f"{title_of(land, v)} {hover_field(land, v, i)}" for i, v in enumerate(variables))
    return go.Heatmap(
        x=land["alpha"].values,
        y=land["beta"].values,
        z=layer.scale.apply(drawn_values(land, layer.variable)).T,
        customdata=np.stack([hover_values(land, v).T for v in variables], -1),
        colorscale=look["colorscale"],
        zmin=look["cmin"],
        zmax=look["cmax"],
        zsmooth="best" if smooth else False,
        showscale=False,  # the terrain beside it carries the colour bar
        hovertemplate=f"α %{{x:.3g}} · β %{{y:.3g}}<br>{values}<extra></extra>",
        hoverongaps=True,
        name=GROUND,
    )


def _lines(land: xr.Dataset, layer: Layer, color: str, width: float, part: str = "") -> go.Scatter:
    alpha, beta = isolines(land, layer, LEVELS)
    return go.Scatter(
        x=alpha,
        y=beta,
        mode="lines",
        line={"color": color, "width": width},
        hoverinfo="skip",
        name=title_of(land, layer.variable) + part,
    )


def _numbers(land: xr.Dataset, picture: Picture) -> go.Scatter:
    """The values of the contour lines, on them."""
    layers = [*([picture.elevation] if picture.contours else []), *picture.lines]
    lowest = minimum(land, picture.elevation.variable)
    marks = [] if lowest is None else [(float(land["alpha"][lowest[0]]), float(land["beta"][lowest[1]]))]
    labels = contour_labels(land, layers, LEVELS, marks + ([picture.point] if picture.point else []))
    return go.Scatter(
        x=[label.alpha for label in labels],
        y=[label.beta for label in labels],
        text=[for_plotly(label.text) for label in labels],
        mode="text",
        textfont={"size": 10.5, "color": "white", "shadow": NUMBERS_SHADOW},
        cliponaxis=True,
        hoverinfo="skip",
        name="values of the lines",
    )


def _arrows(land: xr.Dataset, owner: str) -> list[go.Scatter]:
    arrows = arrows_of(land, owner)
    if arrows is None:
        return []
    points = arrow_shapes(arrows)
    looks = {
        f"{arrows.name}, outline": ("rgba(0,0,0,0.45)", 3.4),
        arrows.name: ("white", 1.5),
    }  # readable on any colour
    return [
        go.Scatter(
            x=points[:, 0],
            y=points[:, 1],
            mode="lines",
            line={"color": color, "width": width},
            hoverinfo="skip",
            name=name,
        )
        for name, (color, width) in looks.items()
    ]


def arrow_shapes(arrows: Arrows) -> np.ndarray:
    """Shaft and two barbs for each arrow, as one polyline with NaN between arrows; barbs are turned in units of cells."""
    turn = np.array([[np.cos(2.6), -np.sin(2.6)], [np.sin(2.6), np.cos(2.6)]])
    tips = arrows.tails + arrows.vectors
    left, right = (tips + 0.35 * (arrows.cells @ m) * arrows.reach for m in (turn, turn.T))
    gap = np.full_like(tips, np.nan)
    return np.stack([arrows.tails, tips, left, tips, right, gap], 1).reshape(-1, 2)


def _path(land: xr.Dataset, picture: Picture) -> list[go.Scatter]:
    path = path_inside(land)
    if path is None:
        return []
    colors = ink(picture.dark)
    place = {
        "x": path["path_alpha"].values.tolist(),
        "y": path["path_beta"].values.tolist(),
    }  # lists: chart.js cuts them
    text = [
        f"step {int(step)}<br>{format_value(off)} off the plane"
        for step, off in zip(path["path_step"].values, path["path_off_plane"].values, strict=True)
    ]
    outline = go.Scatter(
        **place,
        mode="lines",
        line={"color": "white", "width": 4.5},
        hoverinfo="skip",
        name="outline",
        meta=PATH,
    )
    line = go.Scatter(
        **place,
        mode="lines+markers",
        line={"color": colors.accent, "width": 2.2},
        marker={"size": 4, "color": colors.accent},
        text=text,
        hovertemplate="%{text}<extra>training path</extra>",
        name="training path",
        meta=PATH,
    )
    ends = [
        _mark(place["x"][i], place["y"][i], name, symbol, colors.accent, "white", 11)
        for i, name, symbol in ((0, "start of training", "circle"), (-1, "end of training", "star"))
    ]
    ends[-1].meta = PATH_END
    loss = own_loss(land) if picture.walks else None  # beside the others'
    told = [] if loss is None else [loss_label(place["x"][-1], place["y"][-1], loss, colors.accent, "the training")]
    return [outline, line, *ends, *told]


def _marks(land: xr.Dataset, picture: Picture) -> list[go.Scatter]:
    marks = []
    lowest = minimum(land, picture.elevation.variable)
    if lowest is not None:
        place = float(land["alpha"].values[lowest[0]]), float(land["beta"].values[lowest[1]])
        marks.append(_mark(*place, "lowest point", "x", "white", "rgba(0,0,0,0.6)", 8))
    marks += [_mark(*place, "minimum", "triangle-down", "white", "black", 9) for place in picture.minima]
    if picture.point is not None:
        marks.append(_mark(*picture.point, "picked point", "circle-open", "white", "white", 13))
        marks.append(_mark(*picture.point, "picked point", "circle-open", "black", "black", 15))
    return marks


def _mark(x: float, y: float, name: str, symbol: str, color: str, edge: str, size: int) -> go.Scatter:
    return go.Scatter(
        x=[x],
        y=[y],
        mode="markers",
        marker={"symbol": symbol, "size": size, "color": color, "line": {"color": edge, "width": 1.5}},
        hoverinfo="skip",
        name=name,
    )


def _ends(land: xr.Dataset, dimension: str) -> list[float]:
    values = land[dimension].values
    return [float(values.min()), float(values.max())]
