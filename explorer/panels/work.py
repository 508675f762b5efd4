"""Page of work: running, waiting and ended jobs, whoever started them; and the cache of this machine."""

from __future__ import annotations

import time
from typing import Literal

import streamlit as st
from lossnav.core import InputError
from lossnav.core.machine import byte_text

from ..cache import BOUND, Kept, beyond_bound, cache_entries, remove
from ..jobs import ENDED, FAILED, QUEUED, RUNNING, STOPPED, Again, Job, damaged
from .damaged_work import damaged_rows
from .progress import ELSEWHERE, by_timer, duration, jobs

BADGES: dict[str, Literal["blue", "gray", "red", "orange", "green"]] = {
    RUNNING: "blue",
    QUEUED: "gray",
    FAILED: "red",
    STOPPED: "orange",
    ENDED: "green",
}
PLAIN = {"--plane", "random", "--normalize", "filter", "--ignore", "biasbn", "--scale", "log"}


@st.fragment(run_every=1.0)
def jobs_panel() -> None:
    """Each piece of work with its state, and what can be done about it."""
    listed = jobs().all()
    working = [job for job in listed if job.open]
    if by_timer() and st.session_state.get("at_work") != len(working):
        st.session_state["at_work"] = len(working)
        st.rerun()  # what is kept has changed as well
    st.session_state["at_work"] = len(working)
    spoilt = damaged()
    damaged_rows(spoilt)
    if not listed and not spoilt:
        st.info("Nothing is being computed, and nothing was lately.", icon=":material/check_circle:")
    if not listed:
        return
    most = jobs().most
    st.caption(f"At most {most} at once; the others wait their turn. They go on when this page is closed.")
    for job in [*working, *(job for job in listed if not job.open)]:
        _row(job)
    if len(working) < len(listed):
        st.button("Take what is over off this list", key="forget_all", on_click=_forget, args=(listed,))


def _row(job: Job) -> None:
    key = job.record.path.name
    with st.container(border=True, key=f"job_{key}"):
        left, middle, right = st.columns([6, 1.6, 1.2], vertical_alignment="center")
        left.markdown(f"{_code(title(job))}  \n:small[{_said(job)}]")
        middle.badge(job.state.capitalize(), color=BADGES[job.state])
        if job.open:
            elsewhere = ELSEWHERE if job.outside else None
            right.button(
                "End", key=f"end_{key}", width="stretch", disabled=job.outside, help=elsewhere, on_click=job.cancel
            )
        elif job.state in (FAILED, STOPPED):
            right.button("Go on", key=f"again_{key}", width="stretch", on_click=_go_on, args=(job,))


def _go_on(job: Job) -> None:
    jobs().start(Again(list(job.record.arguments), job.record.path))


def _forget(finished: list[Job]) -> None:
    for job in finished:
        jobs().forget(job)


def title(job: Job) -> str:
    """A job's title: the words of its command, without defaults."""
    words = [word for word in job.record.arguments if word not in PLAIN]
    return " ".join(words) if words else job.record.path.name


def _code(text: str) -> str:
    return f"`{text.replace('`', '')}`"


def _said(job: Job) -> str:
    since = duration(time.time() - job.started)
    said = {
        RUNNING: "It runs outside the explorer." if job.outside else f"For {since}.",
        QUEUED: f"Waits its turn since {since}.",
        FAILED: job.failure or "",
        STOPPED: "What was measured is kept; it can go on.",
        ENDED: f"Began {since} ago.",
    }[job.state]
    return said.replace("[", "\\[").replace("]", "\\]").replace("\n", " ")


def cache_panel() -> None:
    """How much is kept, of how much; what was longest unused comes first, and goes only when a person says so."""
    parts = cache_entries()
    size = sum(each.bytes for each in parts)
    st.subheader("Kept on this machine", anchor=False)
    st.progress(min(1.0, size / BOUND), text=f"{byte_text(size)} of {byte_text(BOUND)}. Nothing is removed by itself.")
    if not parts:
        st.caption("Nothing is kept yet: what came with the samples is not counted.")
        return
    offered = beyond_bound(parts)
    if offered:
        st.warning(f"More is kept than {byte_text(BOUND)}.", icon=":material/hard_drive:")
        _offer(offered, "Remove what was longest unused", "offered")
    table = {
        "what": [each.kind for each in parts],
        "name": [each.name for each in parts],
        "size": [byte_text(each.bytes) for each in parts],
        "last used": [_ago(each) for each in parts],
    }
    st.caption("What was longest unused comes first. Choose rows to remove them.")
    picked = st.dataframe(table, hide_index=True, key="kept", on_select="rerun", selection_mode="multi-row", height=280)
    rows = picked["selection"]["rows"]
    if rows:
        _offer([parts[row] for row in rows if row < len(parts)], "Remove what is chosen", "chosen")


def _offer(items: list[Kept], label: str, key: str) -> None:
    size = byte_text(sum(each.bytes for each in items))
    with st.popover(f"{label} ({len(items)}, {size})", key=f"remove_{key}"):
        for each in items:
            st.markdown(f"{each.kind} {_code(each.name)}, {byte_text(each.bytes)}, {_ago(each)}")
        st.button("Remove for good", key=f"really_{key}", type="primary", on_click=_remove, args=(items,))


def _remove(items: list[Kept]) -> None:
    for each in items:
        try:
            remove(each)
        except (InputError, OSError) as error:
            st.toast(f"{each.name} was not removed: {error}", icon=":material/error:")


def _ago(each: Kept) -> str:
    seconds = time.time() - each.used
    if seconds < 60:
        return "just now"
    days, hours = divmod(seconds / 3600, 24)
    return f"{days:.0f} d ago" if days else f"{hours:.0f} h ago" if hours >= 1 else f"{seconds / 60:.0f} min ago"
