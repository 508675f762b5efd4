"""The colour bar: a readout's name and unit, ticks in its own unit, and the property's two words at its ends."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from plotly.colors import get_colorscale, hex_to_rgb, label_rgb

from ..shared.picture import Layer, color_limits, diverges, floor_of, poles_of
from ..shared.plain_text import for_plotly
from ..shared.scales import format_value
from ..shared.style import class_colors, colormap_for
from .theme import ink
from .titles import short_title_of

BESIDE = 0.01  # between a colour bar's end and the word there


def colouring(land: xr.Dataset, layer: Layer, dark: bool, noted: bool = True, **place: Any) -> dict[str, Any]:
    """`colorscale`, limits and `colorbar` of a plotly trace for a layer; `place` goes to the colour bar.

    noted  whether the bar's title has the notes on the numbers
    """
    low, high = color_limits(land, layer)
    return {
        "colorscale": _steps(class_colors(len(layer.scale.labels)))
        if layer.scale.kind == "class"
        else rgb_scale(colormap_for(layer.variable, diverging=diverges(land, layer.variable))),
        "cmin": low,
        "cmax": high,
        "colorbar": _bar(land, layer, dark, notes(land, layer) if noted else "", place),
    }


def rgb_scale(name: str) -> list[tuple[float, str]]:
    """A colour map as rgb() texts: Streamlit takes some hex colours, magma's first among them, for its own placeholders."""
    return [(place, _rgb(color)) for place, color in get_colorscale(name)]


def _steps(colors: tuple[str, ...]) -> list[tuple[float, str]]:
    """One even stretch of each colour."""
    count = len(colors)
    return [(end, _rgb(color)) for k, color in enumerate(colors) for end in (k / count, (k + 1) / count)]


def _rgb(color: str) -> str:
    return label_rgb(hex_to_rgb(color)) if color.startswith("#") else color


def pole_annotations(
    land: xr.Dataset, layer: Layer, dark: bool, x: float, ends: tuple[float, float]
) -> list[dict[str, Any]]:
    """The property's words for low and for high values, under and over a colour bar that reaches from `ends[0]` to `ends[1]`.

    Under the bar stand the notes on the numbers too: along it they would lie across both words."""
    look = {"showarrow": False, "xref": "paper", "yref": "paper", "xanchor": "left", "x": x}
    look |= {"font": {"size": 12, "color": ink(dark).text}}
    signs = zip(poles_of(land, layer.variable), "↓↑", ("top", "bottom"), (-BESIDE, BESIDE), ends, strict=True)
    said = [
        {**look, "text": f"<i>{sign} {for_plotly(word)}</i>" if word else "", "yanchor": anchor, "y": end + away}
        for word, sign, anchor, away, end in signs
    ]
    under = [str(said[0]["text"]), notes(land, layer).removeprefix(", ")]
    said[0] |= {"text": "<br>".join(filter(None, under)), "align": "left"}
    return said


def notes(land: xr.Dataset, layer: Layer) -> str:
    """The title's note on the numbers: on how many points they were measured, ", clipped at 30"; or empty."""
    values, low, high = land[layer.variable].values, layer.scale.low, layer.scale.high
    if "measured_on" in land[layer.variable].attrs:
        return f", from {land[layer.variable].attrs['measured_on']} points" + _clips(values, low, high)
    return _clips(values, low, high)


def _clips(values: np.ndarray, low: float | None, high: float | None) -> str:
    ends = [low] if low is not None and (values < low).any() else []
    ends += [high] if high is not None and (values > high).any() else []
    return f", clipped at {' and '.join(format_value(end, 2) for end in ends)}" if ends else ""


def _ticks(land: xr.Dataset, layer: Layer) -> tuple[list[float], list[str]]:
    """The scale's ticks, and one at the floor that the data's own entropy sets."""
    positions, labels = layer.scale.ticks(land[layer.variable].values)
    floor = floor_of(land, layer)
    if floor is None:
        return positions.tolist(), [for_plotly(label) for label in labels]
    low, high = color_limits(land, layer)
    kept = [(p, t) for p, t in zip(positions, labels, strict=True) if abs(p - floor) > 0.06 * (high - low)]
    value = format_value(float(land[layer.variable].attrs["floor"]))
    return [*(float(p) for p, _ in kept), max(floor, low)], [*(t for _, t in kept), f"{value} floor"]


def _bar(land: xr.Dataset, layer: Layer, dark: bool, note: str, place: dict[str, Any]) -> dict[str, Any]:
    # along the bar: over it, a long name would lie across the terrain
    title = short_title_of(land, layer.variable) + note
    return bar(title, "right", _ticks(land, layer), dark, **place)


def bar(title: str, side: str, ticks: tuple[list[float], list[str]], dark: bool, **place: Any) -> dict[str, Any]:
    """A colour bar as plotly has it: its title at the top or to the right, ticks as positions and labels."""
    colors = ink(dark)
    return {
        "title": {"text": title, "side": side, "font": {"size": 12, "color": colors.text}},
        "tickvals": ticks[0],
        "ticktext": ticks[1],
        "tickfont": {"size": 11, "color": colors.faint},
        "outlinewidth": 0,
        "thickness": 10,
        **place,
    }
