"""Eigenvalues along the training: draws what is there, and computes the rest while one watches."""

from __future__ import annotations

from contextlib import suppress

import streamlit as st
from lossnav.core import InputError
from lossnav.core.spectrum import SpectraAlong, read_along

from ..figures.shared.plain_text import for_markdown
from ..figures.web.spectrum_along import along_figure
from ..jobs import QUEUED
from ..request.shipped import result_of
from ..request.spectrum import AlongRequest, spectral_law
from .progress import TURN, by_timer, jobs, origin, read_or_repair
from .spectrum import chart


def along_panel(request: AlongRequest) -> None:
    """The work that is going on, and the film of what is done."""
    there = result_of(request) is not None
    along = read_or_repair(request, read_along) if there else None
    if along is None and there:
        return
    _work(request, along)
    if along is None or not along.spectra:
        return
    with st.container(key="spectrum_plot"):
        dark = st.context.theme.type == "dark"
        figure = along_figure(along, dark, spectral_law(request, along.about))
        chart(figure, "spectrum_along", "Eigenvalue histogram along the training, with λₘₐₓ, λₘᵢₙ and trace beside it")
        st.caption(caption(along))
        origin(request)


def caption(along: SpectraAlong) -> str:
    """How it was found, in short sentences."""
    said = [
        f"{len(along.spectra)} checkpoints on the same axes, in nats per squared parameter unit: {along.about['how']}."
    ]
    if along.about.get("buffers"):
        said.append("BatchNorm statistics are the trained network's.")
    return " ".join(said)


def progress_text(done: int, total: int, seconds: float | None) -> str:
    """How far it is.

    >>> progress_text(7, 11, 95)
    '7 of 11 checkpoints, about 95 s left'
    """
    if done == 0:
        return f"Computing the first of {total} checkpoints …"
    left = "" if seconds is None else f", about {seconds:.0f} s left"
    return f"{done} of {total} checkpoints{left}"


def _done(request: AlongRequest) -> SpectraAlong | None:
    found = result_of(request)
    with suppress(InputError):  # damaged: the panel itself says so
        return None if found is None else read_along(found)
    return None


def _work(request: AlongRequest, along: SpectraAlong | None) -> None:
    """Offer to compute what is missing, show what runs, offer what can be done about what stopped."""
    if along is not None and along.complete:
        return
    job = jobs().of(request)
    if job is not None and job.open:
        _running(request, _count(along))
    elif job is not None and job.failure:
        st.error(for_markdown(job.failure), icon=":material/error:")
        if job.refused is not None:
            _stopped(request, along)
    else:
        _stopped(request, along)


def _running(request: AlongRequest, drawn: int) -> None:
    @st.fragment(run_every=1.0)
    def bar() -> None:
        job, found = jobs().of(request), _done(request)
        done, total = _count(found), len(found.checkpoints) if found else request.count
        if by_timer() and (job is None or not job.open or done > drawn):
            st.rerun()
        if job is None:
            return
        left, right = st.columns([7, 1], vertical_alignment="center")
        text = TURN if job.state == QUEUED else progress_text(done, total, job.remaining("checkpoints", done, total))
        left.progress(done / total, text=text)
        if right.button("Cancel", key="cancel", width="stretch"):
            job.cancel()
            st.rerun()

    bar()


def _stopped(request: AlongRequest, along: SpectraAlong | None) -> None:
    left, right = st.columns([7, 1], vertical_alignment="center")
    state = f"{len(along.spectra)} of {len(along.checkpoints)} checkpoints" if along else "nothing computed yet"
    left.info(f"Stopped: {state}." if along else "It is not computed yet.", icon=":material/pause_circle:")
    if right.button("Resume" if along else "Compute", key="resume", width="stretch", type="primary"):
        jobs().start(request)
        st.rerun()


def _count(along: SpectraAlong | None) -> int:
    return len(along.spectra) if along else 0
