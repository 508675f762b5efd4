"""The look that all plotly figures share: type, transparent ground, quiet axes; light and dark."""

from __future__ import annotations

from dataclasses import dataclass

import plotly.graph_objects as go

from ..shared.style import ACCENT_DARK, ACCENT_LIGHT


@dataclass(frozen=True)
class Ink:
    """The colours of a figure's own marks; `rule` is `grid` without transparency, which 3-D scenes do not know."""

    text: str
    faint: str
    grid: str
    rule: str
    line: str
    ground: str
    accent: str


LIGHT = Ink("#1B2526", "#5E6B6D", "rgba(27,37,38,0.10)", "#D9DFDF", "rgba(27,37,38,0.55)", "#FFFFFF", ACCENT_LIGHT)
DARK = Ink("#E4EBEB", "#9BA8A9", "rgba(228,235,235,0.12)", "#2B3638", "rgba(228,235,235,0.60)", "#101617", ACCENT_DARK)
PATH, PATH_END = "path", "path's end"  # `meta` of the traces that chart.js cuts to the step that the film shows
FONT = '"Source Sans", system-ui, sans-serif'  # Streamlit brings it along


def ink(dark: bool) -> Ink:
    """The colours on a dark or on a light page."""
    return DARK if dark else LIGHT


def base_layout(dark: bool, margin: dict[str, int]) -> go.Layout:
    """A layout without ground or legend, keeping what the user turned or zoomed (`uirevision`)."""
    colors = ink(dark)
    return go.Layout(
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": FONT, "size": 12, "color": colors.text},
        hoverlabel={"font": {"family": FONT, "size": 12}},
        margin=margin,
        showlegend=False,
        uirevision="terrain",
        dragmode=False,
    )


def axis(dark: bool, title: str) -> dict[str, object]:
    """A quiet 2-D axis."""
    colors = ink(dark)
    return {
        "title": {"text": title, "font": {"size": 12, "color": colors.faint}, "standoff": 6},
        "tickfont": {"size": 11, "color": colors.faint},
        "gridcolor": colors.grid,
        "linecolor": colors.grid,
        "zeroline": False,
        "ticks": "outside",
        "ticklen": 3,
        "tickcolor": colors.grid,
    }
