"""In which precision forward passes are made, of those that this machine has; and whether to keep to it where it is no faster."""

from __future__ import annotations

import streamlit as st
from lossnav.core.machine import lacking_precision

from ..request.survey import EXACT
from .url import URL

TITLES = {EXACT: "float32 (exact)", "bf16": "bf16", "tf32": "tf32 (GPU)"}
HELP = (
    "A lower precision is a means to speed, and has its error, which is measured and shown. Before a survey starts it is timed "
    "against exact float32, which is what runs where the lower one is no faster."
)
INSIST_HELP = "Have the lower precision also where it is no faster than exact float32."


def precision_controls() -> tuple[str, bool]:
    """The precision, and whether it is insisted on."""
    lacking = {name: why for name in TITLES if (why := lacking_precision(name)) is not None}
    offered = [name for name in TITLES if name not in lacking]
    reasons = " ".join(f"No {name} here: {why}." for name, why in lacking.items())
    precision = st.selectbox(
        "Precision",
        offered,
        key="precision",
        format_func=TITLES.__getitem__,
        disabled=len(offered) == 1,
        help=f"{HELP} {reasons}".strip(),
        **URL,
    )
    insist = st.toggle("Insist on it", key="insist", disabled=precision == EXACT, help=INSIST_HELP, **URL)
    return precision, insist and precision != EXACT
