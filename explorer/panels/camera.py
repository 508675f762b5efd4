"""The 3-D view's camera, as the chart tells it when the surface was turned: figures for print start from there."""

from __future__ import annotations

import streamlit as st

Camera = dict[str, dict[str, float]]  # plotly's "eye", "center" and "up", each {"x", "y", "z"}


def camera() -> Camera:
    """The page's camera: empty until it was turned; the same object through a session, so that who holds it sees turns."""
    return st.session_state.setdefault("camera", {})


def remember(told: Camera | None) -> None:
    """Keep what the chart told."""
    if told:
        camera().update({part: dict(told[part]) for part in ("eye", "center", "up")})
