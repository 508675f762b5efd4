"""The widgets of the panel "Profile": where the line runs; and the line of the page, which its address holds."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st
from lossnav.core import InputError

from ..request.profile import Place, ProfileRequest, ends_of_text, ends_text
from ..request.survey import SurveyRequest, checkpoints
from .address import LINE, keep
from .model import targets

ADDRESS = LINE  # in the address
ON_MAP, NETWORKS = WAYS = ("On this map", "Between two networks")


def line_of_address() -> tuple[Place, Place] | None:
    """The line that the address names; what is none is left out, and that is said."""
    text = st.query_params.get(ADDRESS)
    if not text:
        return None
    try:
        return ends_of_text(text)
    except InputError as error:
        st.warning(str(error))
        return None


def keep_line(ends: tuple[Place, Place] | None) -> None:
    """Have the address name this line."""
    keep(ADDRESS, None if ends is None else ends_text(ends))


def way_control() -> str:
    """On the map, or between networks."""
    way = st.segmented_control(
        "Line", WAYS, default=ON_MAP, key="profile_way", required=True, label_visibility="collapsed"
    )
    return way or ON_MAP


def whole_control() -> bool:
    """Whether what needs curvature and descents is measured too."""
    return st.toggle(
        "With curvature and descents", key="profile_whole", help="They take far longer than forward passes."
    )


def map_controls(picked: Place, held: tuple[Place, Place] | None) -> tuple[Place, Place]:
    """Two places: by numbers, or by clicks, each of which a button takes over."""
    for key, value in zip("abcd", [number for end in held or ((0.0, 0.0), picked) for number in end], strict=True):
        st.session_state.setdefault(f"profile_{key}", value)
    _end("From", "ab", picked)
    _end("To", "cd", picked)
    a, b, c, d = (float(st.session_state[f"profile_{key}"] or 0.0) for key in "abcd")
    return (a, b), (c, d)


def _end(name: str, keys: str, picked: Place) -> None:
    first, second, button = st.columns([1, 1, 1.1], vertical_alignment="bottom")
    first.number_input(f"{name} α", key=f"profile_{keys[0]}", format="%g", step=0.1)
    second.number_input(f"{name} β", key=f"profile_{keys[1]}", format="%g", step=0.1)
    button.button("Picked point", key=f"profile_take_{keys}", width="stretch", on_click=_take, args=(keys, picked))


def take_line(ends: Sequence[float]) -> None:
    """Take a line that was dragged over the map, and open the panel: nothing is measured before a press."""
    a, b, c, d = (round(float(number), 4) for number in ends)
    keep_line(((a, b), (c, d)))
    for key, value in zip("abcd", (a, b, c, d), strict=True):
        st.session_state[f"profile_{key}"] = value
    st.session_state["profile_way"] = ON_MAP
    st.session_state["profile"] = True


def forget_line() -> None:
    """Take the line off the map: its end goes to its start."""
    keep_line(None)
    for end, start in zip("cd", "ab", strict=True):
        st.session_state[f"profile_{end}"] = st.session_state.get(f"profile_{start}", 0.0)


def _take(keys: str, picked: Place) -> None:
    for key, value in zip(keys, picked, strict=True):
        st.session_state[f"profile_{key}"] = value


def network_controls(request: SurveyRequest, whole: bool) -> ProfileRequest:
    """Two networks of the same kind, whether their hidden units are put in one order, and whether a curved path is looked for."""
    last = checkpoints(request.target) - 1
    places = ["trained", *(["initial", "middle"] if last > 0 else []), *(t for t in targets() if t != request.target)]
    left, right = st.columns(2)
    first = left.selectbox("First network", places, key="profile_first")
    second = right.selectbox("Second network", places, min(1, len(places) - 1), key="profile_second")
    align = st.toggle(
        "Align hidden units first",
        key="profile_align",
        help="Weight matching (git re-basin): the second network's hidden units in the first's order. For chains of layers.",
    )
    curve = st.toggle(
        "A curve of low loss too",
        key="profile_curve",
        help="A path that bends: its middle is trained until the loss along it is low (Garipov et al. 2018). Takes a training.",
    )
    return ProfileRequest.between(request.target, first, second, align, whole, curve)
