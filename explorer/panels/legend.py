"""The legend under the map: which line is which readout, and the words at its two ends."""

from __future__ import annotations

import html

import streamlit as st
import xarray as xr

from ..figures.shared.decimation import decimation_text
from ..figures.shared.picture import Picture, arrow_name, floor_of, poles_of, title_of
from ..figures.shared.style import contour_color
from ..figures.web.theme import ink
from ..summaries.adaptive import readout_text


def legend(land: xr.Dataset, picture: Picture) -> None:
    """One entry for each kind of line that is drawn."""
    entries = [_entry(contour_color(layer.variable), _named(land, layer.variable)) for layer in picture.lines]
    entries += [_entry("#9AA", f"→ {arrow_name(name)}") for name in picture.arrows]
    if picture.path:
        entries.append(_entry(ink(picture.dark).accent, "training path: ● start, ★ step shown"))
    entries += [_entry(walk.color, f"{walk.name}: projection, ★ end") for walk in picture.walks]
    if picture.line is not None:
        entries.append(_entry("#9AA", "profile: ○ start, ● end"))
    if picture.minima:
        entries.append(_entry("#9AA", "▼ minima beyond the error"))
    entries.append(_entry("#9AA", f"{title_of(land, picture.elevation.variable)}, contours; × lowest"))
    entries += [f"<span class='entry'>{html.escape(text)}</span> " for text in interpolation_texts(land, picture)]
    if floor_of(land, picture.elevation) is not None:
        entries.append(_entry("#9AA", "pane: the data's own entropy, the best on average"))
    if (few := decimation_text(land)) is not None:
        entries.append(f"<span class='entry'>{html.escape(few)}</span> ")
    st.html(f"<p class='legend'>{''.join(entries)}</p>")


def interpolation_texts(land: xr.Dataset, picture: Picture) -> list[str]:
    """Of every readout that lies over the terrain, from how many points it was drawn, and how wrong it may be between them."""
    drawn = dict.fromkeys(layer.variable for layer in (picture.color, *picture.lines) if layer is not None)
    texts = {variable: readout_text(land, variable) for variable in drawn if variable != picture.elevation.variable}
    return [f"{land[variable].attrs['long_name']}: {text}" for variable, text in texts.items() if text]


def _entry(color: str, text: str) -> str:
    return f"<span class='entry'><span class='swatch' style='border-color:{color}'></span>{html.escape(text)}</span> "


def _named(land: xr.Dataset, variable: str) -> str:
    low, high = poles_of(land, variable)
    return title_of(land, variable) + (f", {low} … {high}" if high else "")
