"""The verdict over the picture: one line with a light, which opens on its reasons."""

from __future__ import annotations

import html

import streamlit as st
import xarray as xr

from ..controls.url import URL
from ..figures.shared.plain_text import for_markdown
from ..summaries.verdict import Reason, verdict, with_reported_loss

COLORS = {"green": "#15803D", "amber": "#D97706", "red": "#DC2626"}


def verdict_panel(land: xr.Dataset) -> None:
    """Is my plot right? One sentence, under which its reasons unfold, and a field for the number that the training printed."""
    key = f"reported_{land.lossnav.name or 'loss'}"  # of this network: another one's training printed another number
    judgement = verdict(with_reported_loss(land, _told(key) if _is_trained(land) else None))
    light = f':color[●]{{foreground="{COLORS[judgement.light]}"}}'
    with st.expander(f"{light} **Is this plot right?** {for_markdown(judgement.says)}", key="verdict"):
        st.html("".join(reason_line(reason) for reason in judgement.reasons))
        if _is_trained(land):
            st.number_input(
                "The loss that your training printed",
                value=None,
                format="%g",
                key=key,
                placeholder="not given",
                width=260,
                **URL,
            )


def _told(key: str) -> float | None:
    """The field's text; before it is drawn for the first time, the address's."""
    if key in st.session_state:
        value: float | None = st.session_state[key]
        return value
    try:
        return float(st.query_params[key])
    except (KeyError, ValueError):
        return None


def _is_trained(land: xr.Dataset) -> bool:
    """Whether the centre is the trained network, which the training's number is of."""
    plane = land.lossnav.plane
    return "centre" not in plane and plane.get("origin", "trained") == "trained"


def reason_line(reason: Reason) -> str:
    """A reason and what to do, as HTML."""
    advice = f"<br><i>{html.escape(reason.advice)}</i>" if reason.advice else ""
    return f"<p class='trust'>{dot(reason.light)} {html.escape(reason.says)}{advice}</p>"


def dot(light: str) -> str:
    """The light as HTML."""
    return f"<span role='img' aria-label='{light}' style='color:{COLORS[light]}'>●</span>"
