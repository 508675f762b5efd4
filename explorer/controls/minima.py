"""The widgets for the minima of the drawn surface: whether they are marked, and how shallow is ignored."""

from __future__ import annotations

import streamlit as st

from .url import URL

FACTORS = (1.0, 2.0, 5.0, 10.0, 50.0, 100.0, 1000.0, 10000.0)


def minima_controls() -> float | None:
    """How many times twice the stated error a minimum is deep at least; None: they are not marked."""
    on = st.toggle(
        "Mark minima", key="minima", help="By persistence: no minimum is marked that the error can have made.", **URL
    )
    factor = st.select_slider(
        "Ignore shallower than",
        FACTORS,
        1.0,
        key="minima_factor",
        disabled=not on,
        format_func=lambda f: f"{f:g} × the error",
        **URL,
    )
    return float(factor) if on else None
