"""The verdict beside the picture: one line with a light, and a panel that opens on its reasons."""

from __future__ import annotations

import html

import streamlit as st
import xarray as xr

from ..summaries.verdict import Reason, verdict

COLORS = {"green": "#15803D", "amber": "#D97706", "red": "#DC2626"}


def verdict_panel(land: xr.Dataset) -> None:
    """Is my plot right?"""
    found = verdict(land)
    left, right = st.columns([6, 1], vertical_alignment="center", gap="small")
    left.html(f"<p class='trust'>{_dot(found.light)} <b>Is this plot right?</b> {html.escape(found.says)}</p>")
    with right.popover("Why", key="verdict_why", width="stretch"):
        st.html("".join(reason_line(reason) for reason in found.reasons))


def reason_line(reason: Reason) -> str:
    """A reason and what to do, as HTML."""
    advice = f"<br><i>{html.escape(reason.advice)}</i>" if reason.advice else ""
    return f"<p class='trust'>{_dot(reason.light)} {html.escape(reason.says)}{advice}</p>"


def _dot(light: str) -> str:
    return f"<span role='img' aria-label='{light}' style='color:{COLORS[light]}'>●</span>"
