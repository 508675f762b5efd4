"""The two charts of the Terrain page, and their figures, which are made again only where something changed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import streamlit as st
import xarray as xr
from lossnav.core import Settings

from ..controls.address import pick
from ..controls.profile import take_line
from ..figures.shared.decimation import decimated
from ..figures.shared.picture import Layer, Picture
from ..figures.web.map2d import map_figure
from ..figures.web.picking import picked_point
from ..figures.web.surface3d import surface_figure
from ..shared import LANDSCAPES, PICTURES, Recent
from ..state import Readable, View
from .camera import remember
from .chart import chart


@dataclass(frozen=True)
class RenderedPicture:
    """The picture of all points of a landscape, with figures as JSON texts, of as many as a screen shows."""

    picture: Picture
    surface: str
    map: str


_landscapes = Recent[xr.Dataset](LANDSCAPES, lambda land: land.nbytes)
_pictures = Recent[RenderedPicture](PICTURES, lambda picture: len(picture.surface) + len(picture.map))


def landscape(source: Readable, settings: Settings) -> xr.Dataset:
    """The landscape to draw, which all sessions share that look at this source: read, never written to."""
    return _landscapes.get(source, settings, lambda: source.landscape(settings))


def drawn(land: xr.Dataset, view: View, plane: object = None) -> RenderedPicture:
    """The figures of a landscape, shared likewise.

    plane  of a live picture: the sharper ones of the same plane keep axis and colours, so that nothing jumps
    """
    picture = view.picture(land)
    if plane is not None:
        asked = (plane, view.elevation, view.ground, tuple(view.overlays.values()))
        picture = replace(
            picture, elevation=_kept(picture.elevation, land, asked), color=_kept(picture.color, land, asked)
        )
    return _pictures.get(land, picture, lambda: _rendered(land, picture))


def _rendered(land: xr.Dataset, picture: Picture) -> RenderedPicture:
    part, shown = decimated(land, picture)
    return RenderedPicture(picture, surface_figure(part, shown).to_json(), map_figure(part, shown).to_json())


def _kept(layer: Layer, land: xr.Dataset, asked: object) -> Layer:
    """The layer, covering what the coarser pictures of the same plane, drawn as `asked`, covered."""
    if layer.scale.kind == "class":
        return layer
    last, reaches = st.session_state.get("reaches", (None, {}))
    if last != asked:
        st.session_state["reaches"] = (asked, reaches := {})
    key = (layer.variable, layer.scale.kind, layer.scale.width)  # what positions are counted in
    reaches[key] = replace(layer, reach=reaches.get(key)).limits(land[layer.variable].values)
    return replace(layer, reach=reaches[key])


@st.fragment
def surface_chart(figure: str) -> None:
    """The terrain in three dimensions; turning it runs nothing but this again."""
    chart(
        "terrain3d",
        figure,
        "surface",
        "The terrain in three dimensions",
        config={"scrollZoom": True},
        on_turn=partial(remember, "surface"),
    )


def map_chart(figure: str, lines: bool = False) -> None:
    """The map, whose clicks pick a point.

    lines  whether a line can be dragged over it, for a profile
    """
    alt = "Map of the terrain; a click picks a point" + (", dragging draws a line for a profile" if lines else "")
    chart("terrain2d", figure, "map2d", alt, on_pick=_remember_pick, on_line=_remember_line if lines else None)


def _remember_line() -> None:
    dragged = st.session_state["map2d"].dragged
    if dragged:
        take_line(dragged)


def _remember_pick() -> None:
    pick(picked_point(st.session_state["map2d"].picked))
