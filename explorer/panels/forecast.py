"""What a survey will take, and whether a lower precision pays here, told before it runs; a press has it timed."""

from __future__ import annotations

import streamlit as st
from lossnav.core.sealed import read_json
from lossnav.sample_models import NAMES

from ..landscapes import exact_match
from ..request.forecast import ForecastRequest
from ..request.survey import EXACT, SurveyRequest
from .progress import jobs, read_or_repair, waiting_panel

OFFER = ("Whether this precision is faster here is not known yet.", "Time it")
HOW_LONG = (
    "How long measuring takes, and what room it needs, a few passes can tell: its file runs for them.",
    "Forecast",
)


def forecast_panel(request: SurveyRequest) -> None:
    """The sentence that says what a survey will cost, and of a precision that is not exact, what will run.

    Of one that is exact it is offered where nothing is measured, of a person's own network: the samples' pictures are there.
    """
    asked = ForecastRequest(request)
    exact = request.precision == EXACT
    if exact and not _first(request, asked):
        return
    if waiting_panel(asked, offer=HOW_LONG if exact else OFFER, name="_forecast"):
        said = read_or_repair(asked, lambda path: [str(each) for each in read_json(path)["forecast"]])
        if said is not None:
            st.info("  \n".join(said), icon=":material/speed:")


def _first(request: SurveyRequest, asked: ForecastRequest) -> bool:
    """Whether nothing of a person's own network is measured, and no survey of it runs that would say so itself."""
    if request.target in NAMES or exact_match(request) is not None:
        return False
    return jobs().of(request) is None or asked.path.exists()
