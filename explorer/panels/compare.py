"""Two to four landscapes side by side: one scale of colour and height, one camera, one point."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import plotly.graph_objects as go
import streamlit as st
import xarray as xr
from lossnav.core import InputError, Settings

from ..comparable import Comparable
from ..controls.address import pick
from ..controls.compare import LOOKS, MOST
from ..controls.paths import other_trainings
from ..figures.shared.decimation import decimated
from ..figures.shared.picture import Layer, Picture, path_inside, title_of, value_text
from ..figures.shared.plain_text import for_markdown
from ..figures.shared.scales import format_value
from ..figures.shared.walks import DrawnWalk
from ..figures.web.colorbar import colouring
from ..figures.web.line import is_slice
from ..figures.web.map2d import map_figure
from ..figures.web.picking import nearest_cell, picked_point
from ..figures.web.surface3d import CAMERA, surface_figure
from ..summaries.compare import (
    Span,
    difference,
    difference_layer,
    difference_text,
    joint,
    joint_layer,
    joint_span,
    planes_text,
)
from ..summaries.facts import facts
from .camera import remember
from .chart import chart
from .charts import landscape
from .comparison_table import comparison_table_panel
from .paths import drawn_paths

SURFACES, MAPS, DIFFERENCE = LOOKS
AFAR = 1.22  # times the usual distance of the camera, so that a terrain fits beside others


@dataclass(frozen=True)
class Comparison:
    """Choices of the Compare page: height, overlay, camera and what is shared.

    look    one of LOOKS
    height  the readout drawn as height
    color   the readout that colours
    shared  whether all are drawn over one span
    """

    look: str
    height: str
    color: str
    shared: bool
    dark: bool


Read = tuple[Comparable, xr.Dataset]


def read(chosen: Sequence[Comparable]) -> list[Read]:
    """The landscapes that can be read; what is wrong with the others is said."""
    readable = []
    for each in chosen:
        try:
            readable.append((each, held_landscape(each)))
        except InputError as error:
            st.error(for_markdown(error))
        except (LookupError, OSError):
            st.warning(f"{for_markdown(each.name)} is no longer there.")
    return readable


def held_landscape(each: Comparable) -> xr.Dataset:
    """The same object for all sessions as long as nothing is written to it."""
    return landscape(each.source(), Settings())


def pictures(
    lands: Sequence[xr.Dataset],
    asked: Comparison,
    point: tuple[float, float] | None,
    trainings: Sequence[tuple[DrawnWalk, ...]] = (),
) -> list[Picture]:
    """One picture for each landscape, all with the same layers, each with the other trainings that are seen on its plane."""
    height, color = (joint_layer(lands, name) for name in (asked.height, asked.color))
    plain = Picture(elevation=height, color=color, point=point, dark=asked.dark)
    return [
        replace(plain, path=path_inside(land) is not None, walks=walks)
        for land, walks in zip(lands, trainings or [()] * len(lands), strict=True)
    ]


def figures(
    lands: Sequence[xr.Dataset],
    asked: Comparison,
    point: tuple[float, float] | None,
    trainings: Sequence[tuple[DrawnWalk, ...]] = (),
) -> list[go.Figure]:
    """A figure for each landscape, each with the colour bar, which is the same for all.

    trainings  over each landscape, other trainings of its network
    """
    span = joint_span(lands) if asked.shared else None
    made = []
    look = colouring(joint(lands, asked.color), joint_layer(lands, asked.color), asked.dark)
    for land, picture in zip(lands, pictures(lands, asked, point, trainings), strict=True):
        part, shown = decimated(land, picture)
        if asked.look == SURFACES:
            figure = surface_figure(part, shown, camera=_from_afar(AFAR))
            _spanned_scene(figure, span)
        else:
            figure = _map(part, shown, span)
        _colored(figure, look)
        made.append(figure)
    return made


def _from_afar(times: float) -> dict[str, Any]:
    """The usual view from farther away, so that a terrain fits a narrow place."""
    return {**CAMERA, "eye": {axis: times * value for axis, value in CAMERA["eye"].items()}}


def _colored(figure: go.Figure, look: dict[str, Any]) -> None:
    """The colours of all, also where this one's values alone would have others (a diverging map needs both signs)."""
    first = figure.data[0]
    if first.type in ("surface", "heatmap"):
        ends = ("cmin", "cmax") if first.type == "surface" else ("zmin", "zmax")
        bar = {name: look["colorbar"][name] for name in ("tickvals", "ticktext")}
        first.update(
            colorscale=look["colorscale"], colorbar=bar, **dict(zip(ends, (look["cmin"], look["cmax"]), strict=True))
        )


def _map(land: xr.Dataset, picture: Picture, span: Span | None) -> go.Figure:
    figure = map_figure(land, picture)
    if figure.data[0].type == "heatmap":
        bar = colouring(land, picture.color, picture.dark)["colorbar"]
        figure.data[0].update(showscale=True, colorbar=bar)
    if span is not None:
        figure.update_xaxes(range=span[0])
        figure.update_yaxes(range=span[1])
    return figure


def _spanned_scene(figure: go.Figure, span: Span | None) -> None:
    if span is not None and figure.data[0].type == "surface":
        figure.update_scenes(xaxis_range=span[0], yaxis_range=span[1])


def side_by_side(landscapes: Sequence[Read], asked: Comparison, trainings: tuple[str, ...] = ()) -> None:
    """The figures with their names, facts, and the values at the picked point; under them all networks in numbers.

    trainings  other trainings, drawn over every landscape of a training of the same network
    """
    lands = [land for _, land in landscapes]
    point = st.session_state.get("picked")
    drawn = figures(lands, asked, point, [_trained(k, *each, trainings) for k, each in enumerate(landscapes)])
    per_row = len(landscapes) if len(landscapes) < MOST else 2
    with st.container(key="compare_rows" if len(landscapes) < MOST else "compare_two_rows"):
        for start in range(0, len(landscapes), per_row):
            row = range(start, min(start + per_row, len(landscapes)))
            for column, k in zip(st.columns(per_row, gap="small"), row, strict=False):
                with column:
                    _one(k, landscapes[k][0].name, landscapes[k][1], drawn[k], asked, point)
    comparison_table_panel([each.name for each, _ in landscapes], lands, asked.height, asked.color)


def _trained(k: int, each: Comparable, land: xr.Dataset, trainings: tuple[str, ...]) -> tuple[DrawnWalk, ...]:
    """Those of the other trainings that are of a landscape's network, on its plane."""
    if each.request is None or is_slice(land):
        return ()
    offered = other_trainings(each.request.target)
    others = tuple(other for other in trainings if other in offered)
    return drawn_paths(each.request, others, trainings, f"_paths{k}", each.name)


def _one(
    k: int, name: str, land: xr.Dataset, figure: go.Figure, asked: Comparison, point: tuple[float, float] | None
) -> None:
    said = " · ".join(facts(land)[:3])
    st.html(f"<p class='facts compared'><b>{html.escape(name)}</b><small>{html.escape(said)}</small></p>")
    alt = f"{title_of(land, asked.color)} of {name}"
    if asked.look == SURFACES:
        _surface(k, figure.to_json(), alt)
    else:
        chart(f"compare_{k}", figure.to_json(), f"compared{k}", alt, on_pick=lambda: _pick(k))
    cell = nearest_cell(land, point)
    alpha, beta = (float(land[d].values[i]) for d, i in zip(("alpha", "beta"), cell, strict=True))
    values = ", ".join(
        f"{html.escape(title_of(land, v))} <b>{html.escape(value_text(land, v, cell))}</b>"
        for v in dict.fromkeys((asked.height, asked.color))
    )
    st.html(f"<p class='legend'>At ({format_value(alpha)}, {format_value(beta)}): {values}</p>")


@st.fragment
def _surface(k: int, figure: str, alt: str) -> None:
    """One of the surfaces; all of them turn together."""
    name, together = f"compared3d{k}", "compared"
    on_turn = partial(remember, name)
    chart(f"compare_{k}", figure, name, alt, config={"scrollZoom": True}, on_turn=on_turn, together=together)


def _pick(k: int) -> None:
    pick(picked_point(st.session_state[f"compared{k}"].picked))


def difference_panel(landscapes: Sequence[Read], asked: Comparison) -> None:
    """The second landscape less the first, as a surface and a map."""
    if len(landscapes) != 2:
        st.info("A difference is of two landscapes: choose two.", icon=":material/info:")
        return
    (first, one), (second, other) = ((each.name, land) for each, land in landscapes)
    try:
        land = difference(one, other, asked.height)
    except InputError as error:
        st.info(for_markdown(error), icon=":material/info:")
        return
    layer: Layer = difference_layer(land, asked.height)
    picture = Picture(elevation=layer, color=layer, path=False, point=st.session_state.get("picked"), dark=asked.dark)
    st.markdown(f"**{for_markdown(second)}** less **{for_markdown(first)}**: {difference_text(land, asked.height)}")
    part, shown = decimated(land, picture)
    alt = f"{title_of(land, asked.height)}, {second} less {first}"
    left, right = st.columns([1.45, 1], gap="small")
    with left:
        _surface(0, surface_figure(part, shown, camera=_from_afar(AFAR)).to_json(), alt)
    with right:
        chart("compare_1", _map(part, shown, None).to_json(), "compared1", alt, on_pick=lambda: _pick(1))
        st.caption(planes_text(one, other))
