"""The line of facts over the terrain: what network, how good, how the two directions lie."""

from __future__ import annotations

import html
import json
from typing import Any

import streamlit as st
import xarray as xr
from lossnav.sample_models import NAMES, card

from ..figures.scales import format_value


def facts_line(land: xr.Dataset, target: str) -> None:
    """Name, parameters, loss and accuracy at the centre, cos(d₁, d₂), how much of the path lies in the plane."""
    title = card(target)["title"] if target in NAMES else land.attrs["name"]
    items = "".join(f"<span class='item'>{html.escape(text)}</span>" for text in facts(land))
    st.html(f"<p class='facts'><b>{html.escape(title)}</b>{items}</p>")


def facts(land: xr.Dataset) -> list[str]:
    """The facts as short texts."""
    problem, plane, centre = (json.loads(land.attrs.get(key, "{}")) for key in ("problem", "plane", "centre"))
    found = [f"{problem['parameters']:,} parameters"]
    if "loss" in centre:
        found.append(f"trained network: loss {_number(centre['loss'])} nats")
    if "accuracy" in centre:
        found.append(f"accuracy {_number(centre['accuracy'], 100)} %")
    if plane.get("cosine") is not None:
        found.append(f"cos(d₁, d₂) {cosine_text(plane['cosine'])}")
    return found + _path_share(plane)


def _number(value: float | None, times: float = 1) -> str:
    return format_value(float("nan") if value is None else times * value)


def cosine_text(cosine: float) -> str:
    """A cosine to three decimals; what is smaller is zero to the eye.

    >>> cosine_text(-2.9e-9)
    '0'
    """
    return format_value(round(cosine, 3))


def _path_share(plane: dict[str, Any]) -> list[str]:
    shares = plane.get("explained")
    return [f"{format_value(100 * sum(shares))} % of the path in the plane"] if shares else []
