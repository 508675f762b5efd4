"""Page "Models": how one's own network gets here, and a card for every sample network."""

import streamlit as st
from lossnav.explorer.panels.model_card import model_card
from lossnav.explorer.panels.own_network import own_network
from lossnav.sample_models import names


def page() -> None:
    """Three steps, then cards, two in a row."""
    st.title("Your own network")
    own_network()
    st.title("Sample networks")
    st.markdown(
        "Those shipped here were trained from a seed, on generated data or scikit-learn's own; one command trains each again."
    )
    every = names()
    for start in range(0, len(every), 2):
        row = every[start : start + 2]
        for column, name in zip(st.columns(2), row, strict=False):
            with column.container(border=True, height="stretch"):
                model_card(name)


page()
