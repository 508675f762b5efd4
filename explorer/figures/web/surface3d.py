"""The 3-D terrain: (landscape, picture) → plotly figure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import plotly.graph_objects as go
import xarray as xr

from ..shared.isolines import heights_at, isolines
from ..shared.picture import (
    Layer,
    Picture,
    drawn_values,
    floor_of,
    hover_field,
    hover_values,
    made_from,
    minimum,
    path_inside,
)
from ..shared.scales import format_value
from ..shared.style import contour_color
from .colorbar import colouring, pole_annotations
from .height_caption import height_annotation
from .line import is_slice, slice_figure
from .theme import PATH, PATH_END, base_layout, ink
from .titles import title_of
from .walks import walks_over_terrain

CAMERA = {"eye": {"x": 1.0, "y": -1.29, "z": 0.82}, "center": {"x": 0, "y": 0, "z": -0.16}}
BAR = (0.2, 0.8)  # the colour bar's ends, as shares of the figure's height
PIN = 0.13  # how far a pin stands out of the terrain, as a share of the height that is drawn
FINE = 200  # vertices along an axis where classes are drawn
RELIEF = {"ambient": 0.62, "diffuse": 0.55, "specular": 0.08, "roughness": 0.85, "fresnel": 0.05}


def surface_figure(
    land: xr.Dataset, picture: Picture, height: int | None = None, camera: Mapping[str, Any] | None = None
) -> go.Figure:
    """The terrain as a lit surface with its overlays; points that are not finite are holes in it.

    camera  plotly's, where the view was left; None: from the front right and above
    """
    if is_slice(land):
        return slice_figure(land, picture, picture.elevation, height)
    layout = base_layout(
        picture.dark, {"l": 0, "r": 0, "t": 0, "b": 0}
    )  # whole before it has a figure, which it would tell
    layout.scene, layout.height = _scene(land, picture, camera or CAMERA), height
    layout.meta = {"plane": made_from(land)}
    layout.annotations = [
        *pole_annotations(land, picture.color, picture.dark, 0.0, BAR),
        height_annotation(land, picture.elevation, picture.dark),
    ]
    figure = go.Figure(layout=layout)
    figure.add_trace(_surface(land, picture))
    _add_floor(figure, land, picture)
    lift = 0.006 * float(np.ptp(_drawn_range(land, picture)))
    for layer in picture.lines:
        alpha, beta = isolines(land, layer)
        if alpha.size:
            z = heights_at(land, picture.elevation, alpha, beta) + lift
            figure.add_trace(_line(alpha, beta, z, contour_color(layer.variable), 4, title_of(land, layer.variable)))
    if picture.path:
        _add_path(figure, land, picture, lift)
    figure.add_traces(walks_over_terrain(land, picture.elevation, picture.walks, lift))
    _add_marks(figure, land, picture, lift)
    return figure


def _surface(land: xr.Dataset, picture: Picture) -> go.Surface:
    elevation, color = picture.elevation, picture.color
    if color.scale.kind == "class":
        land = _finer(land, picture)
    values = land[elevation.variable].values
    shown = np.stack([values, hover_values(land, color.variable)], axis=-1)
    place = {"x": 0.0, "xanchor": "left", "y": sum(BAR) / 2, "len": BAR[1] - BAR[0], "ypad": 0}
    bar = colouring(land, color, picture.dark, noted=False, **place)  # the notes stand under it
    return go.Surface(
        x=land["alpha"].values,
        y=land["beta"].values,
        z=elevation.scale.apply(values).T,
        surfacecolor=color.scale.apply(drawn_values(land, color.variable)).T,
        customdata=shown.transpose(1, 0, 2),
        hovertemplate=_hover(land, picture),
        lighting=RELIEF,
        lightposition={"x": -4000, "y": 6000, "z": 9000},
        contours={"z": {"show": False, "highlight": False}, "x": {"highlight": False}, "y": {"highlight": False}},
        name="terrain",
        **bar,
    )


def _finer(land: xr.Dataset, picture: Picture) -> xr.Dataset:
    """The grid made finer, classes from the nearest point: between two vertices colours run into one another."""
    axes = {d: land[d].values for d in ("alpha", "beta")}
    fine = {d: np.linspace(v[0], v[-1], (len(v) - 1) * max(1, FINE // len(v)) + 1) for d, v in axes.items()}
    a, b = np.meshgrid(fine["alpha"], fine["beta"], indexing="ij")
    elevation, color = picture.elevation, land[picture.color.variable]
    heights = elevation.scale.invert(heights_at(land, elevation, a.ravel(), b.ravel()))
    near = [np.abs(fine[d][:, None] - axes[d]).argmin(1) for d in axes]
    both = ("alpha", "beta")
    found = xr.Dataset({elevation.variable: (both, heights.reshape(a.shape), land[elevation.variable].attrs)}, fine)
    found[picture.color.variable] = (both, color.values[np.ix_(*near)], color.attrs)
    return found.assign(loss=found[elevation.variable])


def _add_floor(figure: go.Figure, land: xr.Dataset, picture: Picture) -> None:
    """A pane of glass at the height that no model can beat on average: the data's own entropy."""
    height = floor_of(land, picture.elevation)
    if height is None:
        return
    ends = [land[d].values[[0, -1]] for d in ("alpha", "beta")]
    color = ink(picture.dark).faint
    value = format_value(land[picture.elevation.variable].attrs["floor"])
    pane = go.Surface(
        x=ends[0],
        y=ends[1],
        z=np.full((2, 2), height),
        colorscale=[(0, color), (1, color)],
        opacity=0.28,
        showscale=False,
        hovertemplate=f"floor: the data's own entropy, {value} nats<extra></extra>",
        name="floor",
    )
    figure.add_trace(pane)


def _hover(land: xr.Dataset, picture: Picture) -> str:
    lines = ["α %{x:.3g} · β %{y:.3g}", f"{title_of(land, picture.elevation.variable)} %{{customdata[0]:.3~g}}"]
    if picture.color.variable != picture.elevation.variable:
        lines.append(f"{title_of(land, picture.color.variable)} {hover_field(land, picture.color.variable, 1)}")
    return "<br>".join(lines) + "<extra></extra>"


def _line(alpha: Any, beta: Any, z: Any, color: str, width: int, name: str) -> go.Scatter3d:
    return go.Scatter3d(
        x=alpha, y=beta, z=z, mode="lines", line={"color": color, "width": width}, hoverinfo="skip", name=name
    )


def _add_path(figure: go.Figure, land: xr.Dataset, picture: Picture, lift: float) -> None:
    path = path_inside(land)
    if path is None:
        return
    colors = ink(picture.dark)
    alpha, beta = path["path_alpha"].values, path["path_beta"].values
    z = heights_at(land, picture.elevation, alpha, beta) + 3 * lift
    lists = alpha.tolist(), beta.tolist(), z.tolist()  # which chart.js cuts
    figure.add_trace(_line(*lists, colors.accent, 7, "training path").update(meta=PATH))
    for index, symbol, name in ((0, "circle", "start of training"), (-1, "diamond", "end of training")):
        mark = {"symbol": symbol, "size": 5, "color": colors.accent, "line": {"color": colors.ground, "width": 1}}
        end = _mark(alpha[[index]], beta[[index]], z[[index]], mark, name)
        figure.add_trace(end.update(meta=PATH_END) if index else end)


def _add_marks(figure: go.Figure, land: xr.Dataset, picture: Picture, lift: float) -> None:
    colors = ink(picture.dark)
    lowest = minimum(land, picture.elevation.variable)
    if lowest is not None:
        place = (land["alpha"].values[[lowest[0]]], land["beta"].values[[lowest[1]]])
        z = heights_at(land, picture.elevation, *place) + 3 * lift
        look = {"symbol": "cross", "size": 6, "color": colors.ground}  # an "x" would be a glyph that many fonts lack
        figure.add_trace(_mark(*place, z, look, "lowest point"))
    if picture.minima:
        a, b = (np.array(numbers) for numbers in zip(*picture.minima, strict=True))
        z = heights_at(land, picture.elevation, a, b) + 3 * lift
        look = {"symbol": "diamond", "size": 5, "color": "white", "line": {"color": "black", "width": 1}}
        figure.add_trace(_mark(a, b, z, look, "minimum"))
    if picture.point is not None:
        place = (np.array([picture.point[0]]), np.array([picture.point[1]]))
        z = heights_at(land, picture.elevation, *place) + 3 * lift
        _add_pin(figure, *place, z, picture, _drawn_range(land, picture))


def _add_pin(
    figure: go.Figure, alpha: np.ndarray, beta: np.ndarray, z: np.ndarray, picture: Picture, ends: np.ndarray
) -> None:
    """A pin with its head over the terrain, where no slope hides it; no higher than what is drawn, which would grow."""
    colors = ink(picture.dark)
    head = np.maximum(np.minimum(z + PIN * np.ptp(ends), ends[1]), z)
    stem = np.repeat(alpha, 2), np.repeat(beta, 2), np.concatenate([z, head])
    figure.add_trace(_line(*stem, "white", 9, "pin's outline"))
    figure.add_trace(_line(*stem, "black", 4, "pin"))
    look = {"symbol": "circle", "size": 9, "color": colors.accent, "line": {"color": "white", "width": 2}}
    figure.add_trace(_mark(alpha, beta, head, look, "picked point"))


def _mark(alpha: np.ndarray, beta: np.ndarray, z: np.ndarray, marker: dict[str, Any], name: str) -> go.Scatter3d:
    return go.Scatter3d(
        x=alpha, y=beta, z=z, mode="markers", marker=marker, name=name, hovertemplate=f"{name}<extra></extra>"
    )


def _scene(land: xr.Dataset, picture: Picture, camera: Mapping[str, Any]) -> dict[str, Any]:
    elevation = picture.elevation
    positions, _ = elevation.scale.ticks(land[elevation.variable].values, 5)
    quiet = _quiet(picture.dark)
    return {
        "xaxis": {**quiet, "title": {"text": "α"}},  # the map says what they are: a longer name would be cut here
        "yaxis": {**quiet, "title": {"text": "β"}},
        "zaxis": {
            **quiet,
            "title": {"text": ""},  # height_annotation says it: beside the surface it would be cut at some cameras
            "tickvals": positions.tolist(),
            "showticklabels": False,
            **_height_range(land, elevation),
        },
        "domain": {"x": [0.1, 1.0], "y": [0.0, 1.0]},
        "aspectmode": "manual",
        "aspectratio": {"x": 1.15, "y": 1.15, "z": 0.68},
        "camera": dict(camera),
        "dragmode": "turntable",
        "uirevision": "terrain",
    }


def _height_range(land: xr.Dataset, elevation: Layer) -> dict[str, Any]:
    """The height axis where it is to cover more than the values need, with the room that plotly leaves."""
    if elevation.reach is None:
        return {}
    low, high = elevation.limits(land[elevation.variable].values)
    room = (high - low) / 32
    return {"range": [low - room, high + room]}


def _quiet(dark: bool) -> dict[str, Any]:
    colors = ink(dark)
    return {
        "showbackground": False,
        "gridcolor": colors.rule,
        "zeroline": False,
        "color": colors.faint,
        "tickfont": {"size": 10},
        "nticks": 5,
        "showspikes": False,
    }


def _drawn_range(land: xr.Dataset, picture: Picture) -> np.ndarray:
    return np.array(picture.elevation.scale.limits(land[picture.elevation.variable].values))
