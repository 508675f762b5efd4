"""Page "Models": a card for every sample network."""

import streamlit as st
from lossnav.explorer.panels.model_card import model_card
from lossnav.sample_models import NAMES


def page() -> None:
    """Cards, two in a row."""
    st.title("Sample networks")
    st.markdown(
        "Each was trained for this project, from a seed, on generated data or scikit-learn's own; one command trains it again."
    )
    for start in range(0, len(NAMES), 2):
        row = NAMES[start : start + 2]
        for column, name in zip(st.columns(2), row, strict=False):
            with column.container(border=True, height="stretch"):
                model_card(name)


page()
