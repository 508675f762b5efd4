"""Background work on the page: what, how far, how long still, Cancel; redraws as the picture sharpens."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

import streamlit as st
from lossnav.core import PROPERTIES
from lossnav.core.checks import first_line
from lossnav.core.properties import STAGES
from lossnav.core.survey import unmeasured
from streamlit.delta_generator import DeltaGenerator
from streamlit.runtime.scriptrunner import get_script_run_ctx

from ..cache import touch
from ..figures.shared.plain_text import for_markdown
from ..jobs import QUEUED, Job, Jobs, Request
from ..landscapes import Found, begin_from_shipped, drawable, exact_match
from ..live.first_look import first_look_path, read_first_look
from ..live.snapshot import Snapshot
from ..request.shipped import damaged, result_of, shipped
from ..request.survey import SurveyRequest

T = TypeVar("T")

FEWEST = 5  # points of a turn until its pace is told: the first ones prepare what the others use
TURN = "It waits its turn: the page “Work” shows what is being computed."
ELSEWHERE = "A command outside the explorer measures this: end it where it runs."
STAGE_TITLES = {"forward": "Terrain", "curvature": "Curvature", "gradient": "Gradients", "descent": "Descents"}


def stage_title(stage: str) -> str:
    """A stage's title, with its properties: "Curvature (coupling, viscosity)"."""
    named = [p.name for p in PROPERTIES if any(r.stage == stage and not r.asked for r in p.readouts)]
    return STAGE_TITLES[stage] + (f" ({', '.join(named)})" if stage != STAGES[0] else "")


@st.cache_resource
def jobs() -> Jobs:
    """This server's jobs."""
    return Jobs()


def first_look(request: SurveyRequest) -> Snapshot | None:
    """The first look of a survey that has only begun."""
    return read_first_look(first_look_path(request.path))


def fineness(request: SurveyRequest) -> float:
    """How fine a picture there is of exactly this request; a first look is less than the survey's coarsest; 0: none."""
    own = drawable(request)
    look = None if own else first_look(request)
    return own if look is None else 1 - 1 / look.rows


def work_panel(request: SurveyRequest, drawn: float) -> None:
    """Offer to measure what is missing, show what runs, offer what can be done about what stopped.

    drawn  how fine the picture on the page is, so that a finer one has it drawn anew

    Nothing starts unless a person presses: an address may come from anybody.
    """
    stored, job = exact_match(request), jobs().of(request)
    if job is not None and job.open:
        _running(request, drawn)
    elif job is not None and job.failure:
        st.error(for_markdown(job.failure), icon=":material/error:")
        if job.refused is not None:
            _stopped(request)
    elif stored is not None and stored.damage:
        _damaged(request, stored.damage)
    elif stored is None or not stored.complete(request):
        _stopped(request)


def _damaged(request: SurveyRequest, damage: str) -> None:
    """The damage of a landscape on disk, and the ways on."""
    st.error(for_markdown(damage), icon=":material/error:")
    left, right = st.columns(2)
    if left.button("Measure the damaged part again", key="repair", width="stretch", type="primary"):
        jobs().start(request, repair=True)
        st.rerun()
    if right.button("Measure all of it anew", key="anew", width="stretch"):
        start(request, overwrite=True)
        st.rerun()


def read_or_repair(request: Request, read: Callable[[Path], T], beside: Path | None = None) -> T | None:
    """The result of `read` on a request's file; None where that is damaged, which is said, with a way on.

    beside  a further file that the request's command writes, to be read in place of its result
    """
    file = beside or result_of(request) or request.path
    try:
        return read(file)
    except Exception as error:  # damage of any kind is a sentence here
        st.error(f"What was kept of this cannot be read: {for_markdown(first_line(error))}", icon=":material/error:")
    if st.button("Set it aside and compute it again", key=f"again {file.name}", type="primary"):
        set_aside(file)
        jobs().start(request)
        st.rerun()
    return None


def set_aside(damaged: Path) -> None:
    """Keep what is damaged under another name, so that it is made again."""
    with suppress(OSError):  # where nothing can be written, whatever is begun then says so
        damaged.replace(damaged.with_name(f"damaged-{damaged.name}"))


def start(request: SurveyRequest, overwrite: bool = False) -> Job:
    """Begin a survey, or go on with it."""
    if not overwrite:
        with suppress(OSError):  # it says so as soon as it is begun
            begin_from_shipped(request)
    return jobs().start(request, overwrite)


def origin(request: Request) -> None:
    """Say of a result that came with the sample that it did, and how it was made."""
    came = None if request.path.exists() else shipped(request)
    if came is None:
        return
    made = f"by `{shlex.join(['lossnav', *came.made_by])}` " if came.made_by else ""
    st.caption(f"Came with the sample: made {made}with torch {came.versions['torch']}.")


OFFER = ("It is not computed yet.", "Compute")
SPOILT = "What came with the sample is damaged, and is not shown: it can be computed here."


def waiting_panel(
    request: Request,
    ready: bool | None = None,
    pressed: bool = False,
    offer: tuple[str, str] = OFFER,
    name: str = "",
) -> bool:
    """Offer to compute what is not there yet, and say whether it is there; for work that gives its result at the end.

    ready    whether the result is complete; None: it is as soon as its file is there
    pressed  whether a person has asked for it already, by what brought this panel here
    offer    what is said before it is computed, and the button
    name     tells the panels of one page apart
    """
    job = jobs().of(request)
    over = job is not None and not job.open  # asked before the file is looked for: what ended in between has made it
    if result_of(request) is not None if ready is None else ready:
        touch(request.path)
        return True
    if job is None and pressed:
        job = jobs().start(request)
    if job is not None and job.failure:
        st.error(for_markdown(job.failure), icon=":material/error:")
    if job is not None and job.refused is None and not over:
        _waiting(request, name)
    elif job is None or not job.failure or job.refused is not None:  # else its sentence is all there is to say
        said, button = offer
        left, right = st.columns([6, 1], vertical_alignment="center")
        text = "It was stopped." if job is not None and job.refused is None else SPOILT if damaged(request) else said
        kind: Literal["primary", "secondary"] = "primary"
        if name:  # one of several, beside the page's own: quietly
            left.caption(text)
            kind = "secondary"
        else:
            left.info(text, icon=":material/info:")
        if right.button(button, key=f"resume{name}", type=kind, width="stretch"):
            jobs().start(request)
            st.rerun()
    return False


def by_timer() -> bool:
    """Whether a fragment runs by itself now, and not as a part of the whole page, which is being drawn anew anyway."""
    context = get_script_run_ctx()
    return context is not None and bool(context.fragment_ids_this_run)


@st.fragment(run_every=0.5)
def _waiting(request: Request, name: str) -> None:
    job = jobs().of(request)
    if job is None or not job.open:
        if by_timer():
            st.rerun()
        return
    left, right = st.columns([4, 1], vertical_alignment="center")
    computing = f"Computing for {duration(time.time() - job.started)} …"
    left.info(TURN if job.state == QUEUED else computing, icon=":material/hourglass_top:")
    _cancel_button(right, job, f"cancel_waiting{name}")


def _running(request: SurveyRequest, drawn: float) -> None:
    @st.fragment(run_every=0.5)
    def bar() -> None:
        job, stored = jobs().of(request), exact_match(request)
        over = job is None or not job.open
        if by_timer() and (over or fineness(request) > drawn):
            st.rerun()
        if job is None:
            return
        left, right = st.columns([7, 1], vertical_alignment="center")
        share, text = (0.0, TURN) if job.state == QUEUED else _progress(request, stored, job)
        left.progress(share, text=text)
        _cancel_button(right, job, "cancel")

    bar()


def _cancel_button(place: DeltaGenerator, job: Job, key: str) -> None:
    if place.button("Cancel", key=key, width="stretch", disabled=job.outside, help=ELSEWHERE if job.outside else None):
        job.cancel()
        st.rerun()


def _progress(request: SurveyRequest, stored: Found | None, job: Job) -> tuple[float, str]:
    """How far the whole is, and in words what it is at."""
    if stored is None or not stored.drawable:
        look = first_look(request)
        if look is not None:
            return 0.0, f"{look.text} Preparing the survey of all of it …"
    if stored is None or stored.done == 0:
        doing = job.says or f"Reading {request.target}, with all that its code does"
        return 0.0, f"{for_markdown(doing)} … {duration(time.time() - job.started)} so far"
    if stored.points.info.later:
        return stored.done / stored.total, "Readouts that came later …"
    seen = _at_work(stored, job)
    at = seen.at
    if at is None:
        return 1.0, "All points measured; now measuring how far to trust the plane …"
    total = stored.points.planned_at(at)
    done = total - _left(stored, at)
    seconds = job.remaining(f"{at} {seen.turn}", done, total) if seen.made[at] - seen.began >= FEWEST else None
    left = "" if seconds is None else f", about {duration(seconds)} left for them"
    return stored.done / stored.total, f"{stage_title(at)}: {done:,} of {total:,} points{left}"


def _at_work(stored: Found, job: Job) -> StagesSeen:
    """The stage that is being measured now, and in which turn of its: stages take turns, and each has a pace of its own."""
    points = stored.points
    left = [stage for stage in points.used if _left(stored, stage)]
    made = {stage: int(points.done_at(stage).sum()) for stage in points.used}
    before: StagesSeen | None = st.session_state.get("stages seen")
    seen = stages_seen(before if before and before.job == str(job.log) else None, str(job.log), made, left)
    st.session_state["stages seen"] = seen
    return seen


@dataclass(frozen=True)
class StagesSeen:
    """What was last seen of a survey at work.

    job   which survey
    made  stage → measured points
    at    the stage that is measured; None: none is left
    turn  how often that has changed
    began  its measured points when its turn began
    """

    job: str
    made: Mapping[str, int]
    at: str | None
    turn: int = 0
    began: int = 0


def stages_seen(before: StagesSeen | None, job: str, made: Mapping[str, int], left: Sequence[str]) -> StagesSeen:
    """What is seen of a survey now: at work is the stage that has become more since.

    Of two that have become more the later one is at work; with nothing new, what was at work still is, and at first it is the first
    of those with points `left`.

    >>> first = stages_seen(None, "a", {"forward": 40, "curvature": 0}, ["forward", "curvature"])
    >>> then = stages_seen(first, "a", {"forward": 40, "curvature": 3}, ["forward", "curvature"])
    >>> still = stages_seen(then, "a", {"forward": 40, "curvature": 3}, ["forward", "curvature"])
    >>> first.at, then.at, still.at, still.turn
    ('forward', 'curvature', 'curvature', 1)
    """
    grown = [stage for stage in left if before and made[stage] > before.made.get(stage, 0)]
    kept = before.at if before and before.at in left else None
    at = grown[-1] if grown else kept or next(iter(left), None)
    if before is not None and at == before.at:
        return StagesSeen(job, dict(made), at, before.turn, before.began)
    return StagesSeen(job, dict(made), at, before.turn + 1 if before else 0, made.get(at, 0) if at else 0)


def _left(stored: Found, stage: str) -> int:
    """Points of a stage that are still to be measured; of an adaptive survey as far as is known."""
    points = stored.points
    return points.planned_at(stage) - int((points.done_at(stage) & points.wanted_at(stage)).sum())


def duration(seconds: float) -> str:
    """A length of time for people.

    >>> duration(42), duration(360), duration(-5)  # the clock was set back since
    ('42 s', '6 min', '0 s')
    """
    seconds = max(0.0, seconds)
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"


def _stopped(request: SurveyRequest) -> None:
    stored = exact_match(request)
    state = f"{100 * stored.done / stored.total:.0f} % measured" if stored else "nothing measured yet"
    coarser = stored is not None and stored.done == stored.total
    waiting = unmeasured(stored.points) if coarser and stored is not None else []
    older = stored.older(request) if stored is not None else ""
    text = older or (
        f"{len(waiting)} readouts are not measured here yet."
        if waiting
        else "This landscape is measured on fewer points than you ask for."
        if coarser
        else f"This survey was stopped: {state}."
        if stored
        else "This landscape is not measured yet."
    )
    drawn = bool(older) or coarser  # a picture is there, and whole: what more there is to have is no news
    with st.container(key="offer" if drawn else "wanted"):
        left, right = st.columns([7, 1], vertical_alignment="center")
        if drawn:
            left.caption(text)
        else:
            left.info(text, icon=":material/info:")
        kind: Literal["primary", "secondary"] = "secondary" if drawn else "primary"
        pressed = right.button("Measure" if drawn or not stored else "Resume", key="resume", width="stretch", type=kind)
    if pressed:
        start(request)
        st.rerun()
