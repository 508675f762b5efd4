"""Other trainings on the plane: asked for, computed on a press, drawn."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import streamlit as st
from lossnav.core.sealed import read_json

from ..figures.shared.scales import format_value
from ..figures.shared.walks import DrawnWalk
from ..request.paths import PathsRequest
from ..request.survey import SurveyRequest
from ..request.walk import replace_measuring
from ..summaries.paths import paths_of_json
from .progress import read_or_repair, waiting_panel

OFFER = ("The other trainings’ paths on this plane are not computed yet: that runs their files.", "Draw them")


def drawn_paths(
    request: SurveyRequest, others: tuple[str, ...], coloured: Sequence[str] = (), name: str = "_paths", over: str = ""
) -> tuple[DrawnWalk, ...]:
    """The paths as they are drawn; an offer to compute them where they are not known yet.

    coloured  all trainings of the page in the order of their colours; without it, these
    name      tells the offers of one page apart
    over      the landscape's name, where there are several
    """
    if not others:
        return ()
    wanted = PathsRequest(replace_measuring(request), others)
    if not waiting_panel(wanted, offer=(f"{over}: {OFFER[0]}" if over else OFFER[0], OFFER[1]), name=name):
        return ()
    order = {other: (coloured or others).index(other) for other in others}
    drawn = read_or_repair(wanted, partial(_read, order=order)) or ()
    st.html("".join(f"<p class='trust'>{_line(each, over)}</p>" for each in drawn))
    return drawn


def _line(path: DrawnWalk, over: str) -> str:
    """What is true of a training itself, beside its projection."""
    where = f"on the plane of {html.escape(over)}, " if over else ""
    swatch = f"<span class='swatch' style='border-color:{path.color}'></span>"
    return (
        f"<span class='legend'>{swatch}</span><b>{html.escape(path.name)}</b>: {where}its own loss {path.losses}; its end is "
        f"{format_value(path.off[-1])} parameter units off this plane."
    )


def _read(path: Path, order: Mapping[str, int]) -> tuple[DrawnWalk, ...]:
    paths = paths_of_json(read_json(path))
    return tuple(DrawnWalk.of_training(paths[other], other, place) for other, place in order.items())
