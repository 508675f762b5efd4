"""Other trainings on the plane: asked for, computed on a press, drawn."""

from __future__ import annotations

import html
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


def drawn_paths(request: SurveyRequest, others: tuple[str, ...]) -> tuple[DrawnWalk, ...]:
    """The paths as they are drawn; an offer to compute them where they are not known yet."""
    if not others:
        return ()
    wanted = PathsRequest(replace_measuring(request), others)
    if not waiting_panel(wanted, offer=OFFER, name="_paths"):
        return ()
    drawn = read_or_repair(wanted, partial(_read, others=others)) or ()
    st.html("".join(f"<p class='trust'>{_line(each)}</p>" for each in drawn))
    return drawn


def _line(path: DrawnWalk) -> str:
    """What is true of a training itself, beside its projection."""
    first, last, off = (format_value(number) for number in (path.loss[0], path.loss[-1], path.off[-1]))
    swatch = f"<span class='swatch' style='border-color:{path.color}'></span>"
    return (
        f"<span class='legend'>{swatch}</span><b>{html.escape(path.name)}</b>: its own loss {first} → {last}; its end is {off} parameter "
        "units off this plane."
    )


def _read(path: Path, others: tuple[str, ...]) -> tuple[DrawnWalk, ...]:
    paths = paths_of_json(read_json(path))
    return tuple(DrawnWalk.of_training(paths[other], other, order) for order, other in enumerate(others))
