"""Turning the plane while one watches: what is known so far, and the way to a landscape that is kept."""

from __future__ import annotations

import html
from collections.abc import Callable

import streamlit as st
from lossnav.core import PROPERTIES
from streamlit.runtime.scriptrunner import get_script_run_ctx

from ..controls.survey import PRESSED
from ..figures.shared.plain_text import for_markdown
from ..landscapes import best, exact_match
from ..live.pool import LiveWorker, Turning
from ..live.session import WAITING
from ..live.snapshot import Snapshot
from ..request.survey import SurveyRequest
from ..state import Source
from .chart import ask_again
from .progress import first_look, jobs, start

FIRST_WAIT = 0.35  # seconds that a turn of the page waits for its picture, before it goes on with the one before
NOT_YET = "It needs more than forward passes: measure this plane."
SOON, LATER = 40, 250  # milliseconds until the page asks again: for the first picture, for a sharper one


@st.cache_resource(on_release=LiveWorker.close)
def worker() -> LiveWorker:
    """The one process of this server that measures planes that are being turned."""
    return LiveWorker()


def session() -> str:
    """This browser tab, as the worker knows it."""
    context = get_script_run_ctx()
    return context.session_id if context else ""


def look_at(request: SurveyRequest) -> Turning:
    """The plane as it is known now; waits a moment for a first picture that is nearly there."""
    turning = worker().look_at(session(), request.plane_alone)
    if turning.look is None:
        turning.arrived.wait(FIRST_WAIT)
    return turning


def rest() -> None:
    """Nobody turns the plane now."""
    worker().pause(session())


def at_hand(request: SurveyRequest) -> Source | None:
    """Something to draw of the model until the plane's own first picture is there."""
    last = worker().last(session())
    if last is not None and last.look is not None and last.request.target == request.target:
        return last.look
    return best(request)


def seen(request: SurveyRequest) -> Snapshot | None:
    """The last picture of a plane of which nothing is kept yet: the live one, else its survey's first look."""
    last = worker().last(session())
    live = last.look if last is not None and last.request == request.plane_alone else None
    return live or first_look(request)


def shown(turning: Turning, before: Source) -> Source:
    """The source to draw: the plane's own picture, or until it is there the one before."""
    if turning.look is not None:
        st.session_state["shown"] = (turning.request.target, turning.look)
        return turning.look
    target, kept = st.session_state.get("shown", ("", before))
    return kept if target == turning.request.target else before


def reasons(unavailable: dict[str, str]) -> dict[str, str]:
    """Why readouts cannot be switched on: variable → sentence. What only waits to be prepared can."""
    return lacking(unavailable) | {r.variable: NOT_YET for owner in PROPERTIES for r in owner.readouts if r.local}


def lacking(unavailable: dict[str, str]) -> dict[str, str]:
    """Of what is not here, what cannot be had: variable → sentence. The rest only waits to be prepared."""
    return {variable: why for variable, why in unavailable.items() if why != WAITING}


def first_picture(base: SurveyRequest, controls: Callable[[SurveyRequest], SurveyRequest]) -> None:
    """Wait for the first picture of a model of which nothing is known yet."""

    @st.fragment(run_every=0.3)
    def wait() -> None:
        with st.sidebar:
            request = controls(base)
        turning = look_at(request)
        if turning.failure is not None:
            st.error(for_markdown(turning.failure), icon=":material/error:")
        elif turning.look is not None:
            st.rerun()
        else:
            st.info("Getting this plane ready …", icon=":material/hourglass_top:")

    wait()


def go_on(turning: Turning) -> None:
    """Run this part of the page again as long as there is more to come."""
    if not turning.over:
        ask_again(SOON if turning.look is None else LATER)


def live_line(turning: Turning) -> None:
    """How far the picture is, and the button that has the plane measured and kept."""
    left, right = st.columns([4, 1.5], vertical_alignment="center", gap="small")
    if turning.failure is not None:
        left.html(f"<p class='trust'><b>Live.</b> {html.escape(turning.failure)}</p>")
    elif turning.look is None:
        left.html("<p class='trust'><b>Live.</b> Getting this plane ready …</p>")
    else:
        more = "" if turning.over else " Sharpening …"
        left.html(f"<p class='trust'><b>Live.</b> {turning.look.text}{more}</p>")
    right.button(
        "Measure this plane",
        key="measure_live",
        width="stretch",
        on_click=_stop,
        help="Measure every property on this plane, and keep the landscape.",
    )
    if not st.session_state["live"]:
        st.rerun()


def _stop() -> None:
    st.session_state["live"] = False
    request: SurveyRequest = st.session_state["surveyed"]
    if exact_match(request) is None and jobs().of(request) is None:
        start(request)


def allowed() -> bool:
    """Whether a person has turned the switch in this session: an address that has it on measures nothing by itself."""
    return bool(st.session_state.get(PRESSED))


def offer() -> None:
    """The offer to turn the plane, for an address that asks for it before anybody pressed."""
    left, right = st.columns([5, 1.5], vertical_alignment="center")
    left.info("This address has the plane turning: that measures it while you look.", icon=":material/pause_circle:")
    if right.button("Turn the plane", key="turn_it", width="stretch", type="primary"):
        st.session_state[PRESSED] = True
        st.rerun()
