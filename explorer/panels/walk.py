"""Walks from the picked point: asked for, at work, drawn, and where they end."""

from __future__ import annotations

import html
from collections.abc import Sequence

import streamlit as st
import xarray as xr
from lossnav.core import InputError
from lossnav.core.sealed import read_json
from lossnav.core.walk import Walk, read_walk

from ..controls.walk import MOST, keep_walks, walk_controls
from ..figures.shared.scales import format_value
from ..figures.shared.walks import DrawnWalk
from ..figures.web.line import is_slice
from ..figures.web.walks import walk_figure
from ..request.survey import SurveyRequest
from ..request.walk import BasinsRequest, WalkRequest, replace_measuring
from ..summaries.walk import barrier_text, pairs_of_json, walk_name
from .progress import by_timer, jobs, read_or_repair, set_aside, waiting_panel

INTRODUCTION = (
    "An optimiser begins at the picked point and goes where it likes in the full parameter space. Drawn is its **projection** "
    "onto this plane; the walk itself leaves the plane, and its loss is not the terrain's under it."
)
TALL = 230  # pixels of the figure


def drawn_walks(walks: Sequence[WalkRequest]) -> tuple[DrawnWalk, ...]:
    """The walks of the page as far as they have come; none is begun by this."""
    drawn = []
    for order, each in enumerate(walks):
        walk = known(each)
        if walk is not None:
            drawn.append(DrawnWalk.of(walk, f"{order + 1} {walk_name(walk)}", order))
    return tuple(drawn)


def known(request: WalkRequest) -> Walk | None:
    """A walk as far as it is on disk."""
    try:
        return read_walk(request.path)
    except InputError:
        return None


def walk_panel(
    request: SurveyRequest,
    land: xr.Dataset,
    cell: tuple[int, int],
    walks: Sequence[WalkRequest],
    drawn: Sequence[DrawnWalk],
) -> None:
    """The panel; walks go on whether it is open or not."""
    _watch(walks, drawn)
    with st.popover("Walk", key="walk", width="stretch", on_change="rerun", disabled=is_slice(land)) as panel:
        if not panel.open:
            return
        with st.container(key="walk_body"):
            st.caption(INTRODUCTION)
            recipe = walk_controls()
            point = (float(land["alpha"].values[cell[0]]), float(land["beta"].values[cell[1]]))
            full = len(walks) >= MOST
            where = f"Walk from ({format_value(point[0])}, {format_value(point[1])})"
            why = f"{MOST} walks at most: remove one." if full else None
            if st.button(where, key="walk_start", type="primary", disabled=full, help=why):
                wanted = WalkRequest(replace_measuring(request), point, recipe)
                jobs().start(wanted)
                keep_walks([*walks, *([] if wanted in walks else [wanted])])
                st.rerun()
            _listed(walks)
            if drawn:
                figure = walk_figure(land, drawn, st.context.theme.type == "dark", TALL)
                alt = " ".join(f"{each.name}: loss {format_value(each.loss[-1])}." for each in drawn)
                st.plotly_chart(figure, theme=None, key="walk_losses", config={"displayModeBar": False}, alt=alt)
            _ends(walks)


def _watch(walks: Sequence[WalkRequest], drawn: Sequence[DrawnWalk]) -> None:
    """Have the page drawn anew as walks that are at work go on."""
    running = [each for each in walks if (job := jobs().of(each)) is not None and job.open]
    if not running:
        return
    seen = {each.path: _stamp(each) for each in running}

    @st.fragment(run_every=1.0)
    def watch() -> None:
        over = any((job := jobs().of(each)) is None or not job.open for each in running)
        if by_timer() and (over or any(_stamp(each) != seen[each.path] for each in running)):
            st.rerun()

    watch()


def _stamp(request: WalkRequest) -> float:
    return request.path.stat().st_mtime if request.path.exists() else 0.0


def _listed(walks: Sequence[WalkRequest]) -> None:
    """A line for each walk: what it is, how far, and the way to end or to remove it."""
    for order, each in enumerate(walks):
        left, right = st.columns([5, 1.3], vertical_alignment="center")
        job, walk = jobs().of(each), known(each)
        left.html(f"<p class='trust'>{_line(order, each, walk, job)}</p>")
        if job is not None and job.open:
            if right.button("Cancel", key=f"walk_cancel_{order}", width="stretch"):
                job.cancel()
                st.rerun()
        elif walk is None or not walk.over:
            damaged = walk is None and each.path.exists()
            label = "Walk anew" if damaged else "Go on" if walk else "Walk"
            if right.button(label, key=f"walk_resume_{order}", width="stretch"):
                if damaged:
                    set_aside(each.path)
                jobs().start(each)
                st.rerun()
        elif right.button("Remove", key=f"walk_remove_{order}", width="stretch"):
            keep_walks([other for other in walks if other != each])
            st.rerun()


def _line(order: int, each: WalkRequest, walk: Walk | None, job: object) -> str:
    start = ", ".join(map(format_value, each.point))
    failure = getattr(job, "failure", None)
    if walk is None:
        damaged = "its file is damaged: walk anew" if each.path.exists() else "not walked yet"
        state = failure or ("being prepared …" if job is not None else damaged)
        return f"<b>{order + 1}</b> {html.escape(each.recipe.optimizer)} from ({start}): {html.escape(str(state))}"
    losses = f"loss {format_value(float(walk.loss[0]))} → {format_value(float(walk.loss[-1]))}"
    off = f"{format_value(float(walk.off_plane[-1]))} off the plane"
    far = f"{walk.done:,} of {walk.recipe.steps:,} steps"
    said = "" if not walk.over or walk.done == walk.recipe.steps else f" {html.escape(walk.over)}"
    return f"<b>{order + 1} {html.escape(walk_name(walk))}</b> from ({start}): {losses}, {off}; {far}.{said}"


def _ends(walks: Sequence[WalkRequest]) -> None:
    """Whether the walks that are over end in one basin."""
    over = tuple(each for each in walks if (found := known(each)) is not None and found.over)
    if not over:
        return
    wanted = BasinsRequest(over)
    offer = ("Do they end in one basin, and in the trained network's?", "Ask")
    if not waiting_panel(wanted, offer=offer, name="_basins"):
        return
    read = read_or_repair(wanted, lambda path: pairs_of_json(read_json(path)))
    if read is None:
        return
    pairs, level = read
    says = {True: "one basin", False: "not one basin", None: "left open by the error"}
    lines = [f"{p.first} – {p.second}: <b>{says[p.same]}</b>, {html.escape(barrier_text(p.barrier))}" for p in pairs]
    st.html(f"<p class='trust walk_ends'>{'<br>'.join(lines)}</p>")
    st.caption(
        f"By the straight line between the ends, 17 points: one basin where its barrier is at most {format_value(level)}. A curved "
        "path may be lower."
    )
