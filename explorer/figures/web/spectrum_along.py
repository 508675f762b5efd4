"""The eigenvalue histogram as a film along the training, beside the extreme eigenvalues and the trace."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go
from lossnav.core.spectrum import SpectraAlong

from ..shared.scales import format_value
from .spectrum import Axes, dressed, law_trace, spectrum_traces, summary_note
from .spectrum_ends import Ends
from .theme import base_layout, ink

FILM = [0.0, 0.6]  # share of the figure's width; the ends are beside it
FRAME = 700  # milliseconds


def along_figure(
    along: SpectraAlong, dark: bool, law: tuple[float, float] | None = None, height: int | None = None
) -> go.Figure:
    """One frame for each checkpoint that is done, on the same axes; it opens on the last one.

    law  as in `spectrum_figure`
    """
    axes, ends = Axes.of(along.spectra), Ends(along, dark)
    moving = [[*spectrum_traces(s, axes, dark), *ends.cursor(i)] for i, s in enumerate(along.spectra)]
    texts = [[summary_note(s, dark), *ends.titles()] for s in along.spectra]  # a frame replaces every annotation
    still = [*([law_trace(law, axes)] if law else []), *ends.curves()]
    figure = go.Figure([*moving[-1], *still], base_layout(dark, {"l": 64, "r": 12, "t": 62, "b": 128}))
    dressed(figure, axes, dark)
    figure.frames = [
        go.Frame(name=str(step), data=data, traces=list(range(len(data))), layout={"annotations": notes})
        for step, data, notes in zip(along.done_steps, moving, texts, strict=True)
    ]
    figure.update_layout(
        height=height,
        annotations=texts[-1],
        sliders=[_slider(along, dark)],
        updatemenus=[_buttons(dark)],
        xaxis_domain=FILM,
        **ends.axes(),
    )
    return figure


def _slider(along: SpectraAlong, dark: bool) -> dict[str, Any]:
    colors = ink(dark)
    at_once = {"mode": "immediate", "frame": {"duration": 0, "redraw": True}, "transition": {"duration": 0}}
    return {
        "active": len(along.spectra) - 1,
        "steps": [
            {"label": format_value(step, 6), "method": "animate", "args": [[str(step)], at_once]}
            for step in along.done_steps
        ],
        "currentvalue": {"prefix": "training step ", "font": {"size": 13, "color": colors.text}, "offset": 6},
        "x": 0.11,
        "len": 0.89,
        "y": 0,
        "yanchor": "top",
        "pad": {"t": 44, "b": 0},
        "font": {"size": 10.5, "color": colors.faint},
        "bgcolor": colors.accent,
        "activebgcolor": colors.accent,
        "bordercolor": colors.rule,
        "tickcolor": colors.rule,
        "ticklen": 3,
        "minorticklen": 0,
    }


def _buttons(dark: bool) -> dict[str, Any]:
    colors = ink(dark)
    play = {"frame": {"duration": FRAME, "redraw": True}, "fromcurrent": True, "transition": {"duration": 0}}
    stop = {"mode": "immediate", "frame": {"duration": 0, "redraw": False}, "transition": {"duration": 0}}
    return {
        "type": "buttons",
        "direction": "right",
        "showactive": False,
        "x": 0,
        "xanchor": "left",
        "y": 0,
        "yanchor": "top",
        "pad": {"t": 62, "r": 0},
        "bgcolor": "rgba(0,0,0,0)",
        "bordercolor": colors.rule,
        "font": {"size": 12, "color": colors.faint},
        "buttons": [
            {"label": "▶", "method": "animate", "args": [None, play]},
            {"label": "❚❚", "method": "animate", "args": [[None], stop]},
        ],
    }
