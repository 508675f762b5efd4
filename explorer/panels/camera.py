"""The 3-D view's camera, as the chart tells it when the surface was turned: figures for print start from there."""

from __future__ import annotations

import streamlit as st

from ..controls.address import CAMERA, Camera, turn

__all__ = ["CAMERA", "camera", "remember"]


def camera() -> Camera:
    """The page's camera: empty until it was turned; the same object through a session, so that who holds it sees turns."""
    return st.session_state.setdefault("camera", {})


def remember(chart: str) -> None:
    """Keep what a chart told, here and in the address."""
    turn(st.session_state[chart].camera)
