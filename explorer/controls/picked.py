"""The picked point of the terrain on pages that have none: in their address too, together with the plane that it lies on."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import streamlit as st
from lossnav.core import InputError
from lossnav.core.plane.kinds import kind_named

from ..figures.shared.plain_text import for_markdown
from ..request.survey import SurveyRequest, checkpoints
from .address import LONGEST, POINT, point_in, say

SURFACE = "surface"
Picked = tuple[SurveyRequest, tuple[float, float]]  # a plane, and (alpha, beta) on it
FORM = "a plane and a point on it, such as surface=random;seed=5 and point=0.5,-0.25"


def picked_on_terrain(target: str) -> Picked | None:
    """The point that a network's spectrum or density is asked at: the address's, else the one picked last on the Terrain page."""
    if SURFACE in st.query_params:
        text, place = st.query_params[SURFACE], st.query_params.get(POINT, "")
        try:
            plane, point = plane_of(target, text), point_in(place)
            if point is None:
                raise InputError(f"the point is {_shown(place)}")
            return plane, point
        except InputError as error:
            say(f"The address should give {FORM}: {for_markdown(str(error))}")
            forget()
    surveyed, point = st.session_state.get("surveyed"), st.session_state.get("picked")
    if surveyed is None or surveyed.target != target or point is None:
        return None
    return alone(surveyed), point


def keep_picked(chosen: Picked | None) -> None:
    """Have the address name the point; None: another place is looked at."""
    if chosen is None:
        forget()
        return
    plane, point = chosen
    for name, text in {SURFACE: plane_text(plane), POINT: ",".join(f"{number!r}" for number in point)}.items():
        if st.query_params.get(name) != text:
            st.query_params[name] = text


def forget() -> None:
    """Take plane and point out of the address."""
    for name in (SURFACE, POINT):
        if name in st.query_params:
            del st.query_params[name]


def alone(asked: SurveyRequest) -> SurveyRequest:
    """The plane, whatever is measured on it and how much of it is drawn.

    >>> alone(SurveyRequest("gaussians-mlp", seed=5, grid=25, zoom=2.0)) == SurveyRequest("gaussians-mlp", seed=5)
    True
    """
    return replace(asked.plane_alone, zoom=1.0)


def plane_text(asked: SurveyRequest) -> str:
    """A plane as the address has it: what is at its default is left out.

    >>> plane_text(SurveyRequest("gaussians-mlp", seed=5, turn=15.0, centre=3))
    'random;seed=5;turn=15;centre=3'
    """
    defaults = {parameter.name: parameter.default for parameter in asked.kind.parameters}
    values = {name: value for name, value in asked.values.items() if value != defaults[name]}
    values |= {"turn": f"{asked.turn:g}"} if asked.turn else {}
    values |= {"centre": asked.centre} if asked.centre is not None else {}
    return ";".join([asked.plane, *(f"{name}={_word(value)}" for name, value in values.items())])


def plane_of(target: str, text: str) -> SurveyRequest:
    """The plane of a network that such a text names.

    >>> plane_of("gaussians-mlp", "random;seed=5;turn=15;centre=3") == SurveyRequest("gaussians-mlp", seed=5, turn=15.0, centre=3)
    True

    Raises
    ------
    InputError  a kind of plane or a value that there is not
    """
    name, *parts = text.split(";")
    values: dict[str, Any] = dict(_pair(part) for part in parts)
    kind = kind_named(name)
    turn, centre = values.pop("turn", "0"), values.pop("centre", None)
    booleans = {p.name for p in kind.parameters if isinstance(p.default, bool)}
    values = {name: value == "true" if name in booleans else value for name, value in values.items()}
    plain = SurveyRequest(target, kind.name, turn=_turn(turn), centre=_centre(target, centre))
    return plain.with_values(values)


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _shown(text: str) -> str:
    return f"“{text[:LONGEST]}”"


def _pair(part: str) -> tuple[str, str]:
    name, equals, value = part.partition("=")
    if not equals:
        raise InputError(f"{_shown(part)} is no NAME=VALUE.")
    return name, value


def _turn(text: str) -> float:
    try:
        degrees = float(text)
    except ValueError:
        degrees = math.nan
    if not abs(degrees) <= 90:
        raise InputError(f"the turn is {_shown(text)}, which should be from -90 to 90 degrees.")
    return degrees


def _centre(target: str, text: str | None) -> int | None:
    if text is None:
        return None
    last = checkpoints(target) - 1
    if not (text.isdecimal() and len(text) < 9 and int(text) <= last):
        raise InputError(f"the centre is {_shown(text)}, which should be a checkpoint from 0 to {last}.")
    return int(text)
