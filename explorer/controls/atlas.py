"""The widgets of the page "Atlas": which landscape, and which of its readouts; all in the address."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st
import xarray as xr

from ..figures.shared.picture import name_of
from ..summaries.compare import in_common
from .address import offered as known
from .address import offered_each
from .looked_at import open_on, own_landscapes
from .menu import in_steady_order
from .url import URL


def landscape_control(offered: Sequence[str]) -> str:
    """The landscape."""
    known("atlas_of", {name: name for name in offered}, "the landscape")
    if mine := own_landscapes(offered):
        open_on("atlas_of", mine[0])
    return st.selectbox("Landscape", in_steady_order("atlas", offered), key="atlas_of", **URL)


def atlas_controls(land: xr.Dataset, first: Sequence[str]) -> list[str]:
    """The readouts that are drawn, the height first; at first one of each property."""
    numbers = [name for name in in_common([land]) if "labels" not in land[name].attrs]
    offered = list(dict.fromkeys([*first, *numbers]))
    offered_each("atlas_readouts", {name_of(land, name) for name in offered}, "readouts")
    return st.multiselect(
        "Readouts", offered, list(first), key="atlas_readouts", format_func=lambda n: name_of(land, n), **URL
    )
