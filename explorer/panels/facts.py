"""The line of facts over the terrain: what network, how good, how the two directions lie."""

from __future__ import annotations

import html
from collections.abc import Sequence

import streamlit as st
import xarray as xr
from lossnav.sample_models import card, names

from ..summaries.facts import facts


def facts_line(land: xr.Dataset, target: str, more: Sequence[str] = ()) -> None:
    """Name, parameters, loss and accuracy at the centre, cos(d₁, d₂), how much of the path lies in the plane."""
    title = card(target)["title"] if target in names() else land.lossnav.name or target
    items = " ".join(f"<span class='item'>{html.escape(text)}</span>" for text in [*facts(land), *more])
    st.html(f"<p class='facts'><b>{html.escape(title)}</b>{items}</p>")
