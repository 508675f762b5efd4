"""Background work on the page: what, how far, how long still, Cancel; redraws as the picture sharpens."""

from __future__ import annotations

import time

import streamlit as st

from ..jobs import Jobs, Request
from ..landscapes import own
from ..survey_request import SurveyRequest


@st.cache_resource
def jobs() -> Jobs:
    """What this server computes."""
    return Jobs()


def work_panel(request: SurveyRequest) -> None:
    """Start what is missing, show what runs, offer what can be done about what stopped."""
    found, job = own(request), jobs().of(request)
    if found is None and job is None:
        job = jobs().start(request)
    if job is not None and job.running:
        _running(request, found.drawable if found else 0)
    elif job is not None and job.failure:
        st.error(job.failure, icon=":material/error:")
    elif found is None or not found.complete:
        _stopped(request)


def waiting_panel(request: Request) -> bool:
    """Compute what is not there yet, and say whether it is there; for work that gives its result at the end."""
    job = jobs().of(request)
    if request.path.exists():
        return True
    if job is None:
        job = jobs().start(request)
    if job.failure:
        st.error(job.failure, icon=":material/error:")
    elif job.cancelled:
        if st.button("Compute", key="resume", type="primary"):
            jobs().start(request)
            st.rerun()
    else:
        _waiting(request)
    return False


@st.fragment(run_every=0.5)
def _waiting(request: Request) -> None:
    job = jobs().of(request)
    if job is None or not job.running:
        st.rerun()
    left, right = st.columns([7, 1], vertical_alignment="center")
    left.info(f"Computing for {_duration(time.time() - job.started)} …", icon=":material/hourglass_top:")
    if right.button("Cancel", key="cancel", width="stretch"):
        job.cancel()
        st.rerun()


def _running(request: SurveyRequest, drawn: int) -> None:
    @st.fragment(run_every=0.5)
    def bar() -> None:
        job, found = jobs().of(request), own(request)
        done, total = (found.done, found.total) if found else (0, request.grid**2)
        if job is None or not job.running or (found is not None and found.drawable > drawn):
            st.rerun()
        left, right = st.columns([7, 1], vertical_alignment="center")
        left.progress(done / total, text=_progress_text(request, done, total, job.remaining(done, total)))
        if right.button("Cancel", key="cancel", width="stretch"):
            job.cancel()
            st.rerun()

    bar()


def _progress_text(request: SurveyRequest, done: int, total: int, seconds: float | None) -> str:
    if done == 0:
        return f"Preparing the {request.plane} plane of {request.target} …"
    if done == total:
        return "All points measured; now measuring how far to trust the plane …"
    left = "" if seconds is None else f", about {_duration(seconds)} left"
    return f"{done:,} of {total:,} points measured{left}"


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"


def _stopped(request: SurveyRequest) -> None:
    found = own(request)
    left, right = st.columns([7, 1], vertical_alignment="center")
    state = f"{found.done:,} of {found.total:,} points measured" if found else "nothing measured yet"
    left.info(f"This survey was stopped: {state}.", icon=":material/pause_circle:")
    if right.button("Resume", key="resume", width="stretch", type="primary"):
        jobs().start(request, found.done if found else 0)
        st.rerun()
