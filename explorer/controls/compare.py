"""The widgets of the page "Compare": which landscapes, and how they are drawn; all in the address."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import streamlit as st
import xarray as xr

from .. import workspace
from ..figures.shared.picture import name_of
from ..figures.shared.plain_text import for_markdown
from .address import offered as known
from .address import offered_each
from .looked_at import open_on, own_landscapes, pair
from .menu import in_steady_order
from .url import URL

MOST = 4
LOOKS = ("3-D", "2-D", "Difference")
OPENS_ON = ("digits-resnet · random", "digits-plain · random")  # with and without skip connections
AS_HEIGHT = "height"
SPAN_HELP = "On: every picture covers the span in which all lie whole, so that lengths compare. Off: each its own."


def compare_controls(
    offered: Sequence[str],
) -> tuple[list[str], Callable[[Sequence[str], xr.Dataset], tuple[str, str]]]:
    """The landscapes that were chosen, and what asks for height and colour once it is known what they have in common."""
    offered = in_steady_order("compared", offered)
    default = pair(offered) or [name for name in OPENS_ON if name in offered] or offered[:2]
    if mine := own_landscapes(offered):
        open_on("compared", [*mine, *default][:2])
    offered_each("compared", offered, "landscapes", MOST)
    chosen = st.multiselect("Landscapes", offered, default, key="compared", max_selections=MOST, **URL)
    known("compare_look", {name: name for name in LOOKS}, "the look")
    st.segmented_control(
        "Show", LOOKS, default=LOOKS[0], key="compare_look", required=True, label_visibility="collapsed", **URL
    )
    st.toggle("One span for all", True, key="one_span", help=SPAN_HELP, **URL)
    return chosen, _readouts


def unmeasured_problems(offered: Collection[str]) -> str:
    """That networks of the folder can be set side by side once they are measured; empty where all are, or there is none."""
    measured = {name.partition(" · ")[0] for name in offered}
    waiting = [name for name in workspace.latest().of(workspace.PROBLEM) if name not in measured]
    if not waiting:
        return ""
    named = ", ".join(f"**{for_markdown(name)}**" for name in waiting[:MOST])
    more = f" and {len(waiting) - MOST} more" if len(waiting) > MOST else ""
    return f"Not measured yet, so not offered here: {named}{more}. Measure them on the page Terrain."


def _readouts(names: Sequence[str], land: xr.Dataset) -> tuple[str, str]:
    numbers = [name for name in names if "labels" not in land[name].attrs]
    titles = {name: name_of(land, name) for name in names}
    known("compare_height", {name: titles[name] for name in numbers}, "the height")
    height = st.selectbox("Height", numbers, key="compare_height", format_func=titles.__getitem__, **URL)
    color = st.selectbox(
        "Colour",
        [AS_HEIGHT, *(name for name in names if name != height)],
        key="compare_color",
        format_func=lambda name: titles.get(name, "as the height"),
        **URL,
    )
    return height, height if color == AS_HEIGHT else color
