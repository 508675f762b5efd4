"""Whether a lower precision pays here, told before a survey runs; a press has it timed."""

from __future__ import annotations

import streamlit as st
from lossnav.core.sealed import read_json

from ..request.forecast import ForecastRequest
from ..request.survey import EXACT, SurveyRequest
from .progress import read_or_repair, waiting_panel

OFFER = ("Whether this precision is faster here is not known yet.", "Time it")


def forecast_panel(request: SurveyRequest) -> None:
    """For a precision that is not exact: the sentence that says what will run, and what the survey will cost."""
    if request.precision == EXACT:
        return
    asked = ForecastRequest(request)
    if waiting_panel(asked, offer=OFFER, name="_forecast"):
        said = read_or_repair(asked, lambda path: [str(each) for each in read_json(path)["forecast"]])
        if said is not None:
            st.info("  \n".join(said), icon=":material/speed:")
