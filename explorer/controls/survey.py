"""What is surveyed: the model, the plane and its place, grid, effort and precision, from widgets bound to the address bar."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st
from lossnav.core.plane.kinds import KINDS, kind_named

from ..request.survey import (
    COORDINATE_TITLES,
    DEFAULT_GRID,
    EFFORTS,
    FORWARD_ONLY,
    GRID_SIZES,
    SPAN_FACTORS,
    STRIDES,
    TOLERANCES,
    SurveyRequest,
    checkpoints,
)
from ..workspace import CHECKPOINTS, LANDSCAPE, TRANSFORMERS
from .address import offered
from .model import model_choice, targets
from .plane import position_controls
from .precision import precision_controls
from .url import URL

OWN_ANCHOR = -1
COORDINATES_HELP = (
    "What curvature and steepest steps are measured in. **Filter-normalised**: every weight in units of its filter's length, as "
    "random planes are drawn, so that rescaling layers changes neither the terrain nor what lies over it. **The parameters**: as "
    "they are, as in the Spectrum page."
)
PRESSED = "turning was asked for"  # in the session's state
LIVE_HELP = (
    "The terrain follows while you turn the plane or move its centre: coarse at once, sharper while you look. "
    "What needs curvature waits until the plane is measured. For "
    + " and ".join(k.title for k in KINDS if k.turns_live)
    + "."
)
EFFORT_HELP = "Curvature, gradients and descents cost far more than the loss. " + " ".join(
    f"**{title}**: {what}" for title, what in EFFORTS.values()
)


def model_control() -> str:
    """What is looked at: a model, or something else of the folder that the explorer was started in."""
    return model_choice(targets(LANDSCAPE, CHECKPOINTS, TRANSFORMERS))


def plane_controls(target: str) -> tuple[SurveyRequest, bool]:
    """The sidebar's further choices that matter: a plane and a span; and whether the plane is being turned."""
    offered("plane", {name: kind_named(name).title for name in _planes(target)}, "the plane")
    offered("zoom", {factor: f"×{factor:g}" for factor in SPAN_FACTORS}, "the span")
    plane = st.selectbox("Plane", _planes(target), key="plane", format_func=lambda k: kind_named(k).title, **URL)
    zoom = st.select_slider("Span", SPAN_FACTORS, 1.0, key="zoom", format_func=lambda z: f"×{z:g}", **URL)
    turns = kind_named(plane).turns_live
    live = st.toggle("Turn the plane", key="live", disabled=not turns, help=LIVE_HELP, on_change=_pressed, **URL)
    return SurveyRequest(target, plane, zoom=zoom), live and turns


def _pressed() -> None:
    st.session_state[PRESSED] = True  # by a person: an address sets the switch without calling this


def request_controls(base: SurveyRequest, live: bool) -> SurveyRequest:
    """Where the plane lies, in the open while it is turned; and the folded choices of plane and grid."""
    offered("grid", {n: f"{n} × {n}" for n in GRID_SIZES}, "the grid")
    offered("points", TOLERANCES, "the points measured")
    offered("effort", {name: title for name, (title, _) in EFFORTS.items()}, "the effort")
    offered("coordinates", COORDINATE_TITLES, "the coordinates of curvature")
    if live:
        base = position_controls(base)
    with st.expander("Plane and grid", expanded=any(p.places for p in base.kind.parameters)):  # which networks, at once
        st.caption(base.kind.text)
        if not live:
            base = position_controls(base)
        grid = st.select_slider("Grid", GRID_SIZES, DEFAULT_GRID, key="grid", format_func=lambda n: f"{n} × {n}", **URL)
        tolerance = st.selectbox(
            "Points measured",
            list(TOLERANCES),
            key="points",
            format_func=TOLERANCES.__getitem__,
            help="Adaptive: only as many points as keep the error of what lies between them below this share of what is drawn.",
            **URL,
        )
        effort = st.selectbox(
            "Curvature around each point",
            list(EFFORTS),
            index=2,
            key="effort",
            format_func=lambda e: EFFORTS[e][0],
            help=EFFORT_HELP,
            **URL,
        )
        every = st.select_slider(
            "measured on",
            (0, *STRIDES[::-1]),
            key="every",
            disabled=effort == FORWARD_ONLY,
            format_func=lambda n: (
                "auto" if n == 0 else "all points" if n == 1 else f"every {n}{'nd' if n == 2 else 'th'} row"
            ),
            **URL,
        )
        coordinates = st.selectbox(
            "in",
            list(COORDINATE_TITLES),
            key="coordinates",
            disabled=effort == FORWARD_ONLY,
            format_func=COORDINATE_TITLES.__getitem__,
            help=COORDINATES_HELP,
            **URL,
        )
        anchor = _anchor_control(base.target)
        precision, insist = precision_controls()
    chosen = replace(base, grid=grid, tolerance=tolerance, coordinates=coordinates, anchor=anchor)
    chosen = replace(chosen, precision=precision, insist=insist)
    return replace(chosen, effort=effort, every=every).settled


def _anchor_control(target: str) -> int | None:
    """Where elasticity pulls back to: what the problem says, or a checkpoint of the training."""
    last = checkpoints(target) - 1
    if last < 1:
        return None
    choices = [OWN_ANCHOR, *sorted({0, last // 4, last // 2, 3 * last // 4})]
    choice = st.selectbox(
        "Elasticity pulls back to",
        choices,
        key="anchor",
        format_func=lambda k: "the model's own anchor" if k == OWN_ANCHOR else f"checkpoint {k} of {last}",
        help="Without an earlier task a model is its own anchor, and the penalty is one paraboloid around it.",
        **URL,
    )
    return None if choice == OWN_ANCHOR else choice


def _planes(target: str) -> list[str]:
    path = checkpoints(target)
    return [kind.name for kind in KINDS if path >= kind.checkpoints]
