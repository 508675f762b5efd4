"""The verdict over the picture: one line with a light, which opens on its reasons."""

from __future__ import annotations

import html

import streamlit as st
import xarray as xr

from ..figures.shared.plain_text import for_markdown
from ..summaries.verdict import Reason, verdict

COLORS = {"green": "#15803D", "amber": "#D97706", "red": "#DC2626"}
MARKDOWN = {"green": "green", "amber": "orange", "red": "red"}  # as Streamlit's markdown calls them


def verdict_panel(land: xr.Dataset) -> None:
    """Is my plot right? One sentence, under which its reasons unfold."""
    found = verdict(land)
    light = f":{MARKDOWN[found.light]}[●]"
    with (
        st.container(key=f"light_{found.light}"),
        st.expander(f"{light} **Is this plot right?** {for_markdown(found.says)}", key="verdict"),
    ):
        st.html("".join(reason_line(reason) for reason in found.reasons))


def reason_line(reason: Reason) -> str:
    """A reason and what to do, as HTML."""
    advice = f"<br><i>{html.escape(reason.advice)}</i>" if reason.advice else ""
    return f"<p class='trust'>{_dot(reason.light)} {html.escape(reason.says)}{advice}</p>"


def _dot(light: str) -> str:
    return f"<span role='img' aria-label='{light}' style='color:{COLORS[light]}'>●</span>"
