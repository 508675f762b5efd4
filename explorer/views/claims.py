"""Page "Claims": the vocabulary's claims as experiments, one card each."""

import streamlit as st
from lossnav.core.claims import CLAIMS
from lossnav.explorer.panels.claim_card import claim_card


def page() -> None:
    """Cards, one under the other."""
    st.title("The vocabulary's claims, put to the test")
    st.markdown(
        "Each is an experiment on populations of small networks whose hypothesis, null, controls and rule were written down before "
        "the run. A control that fails leaves it undecided. Only a run of the registered size, seeds and code is confirmatory."
    )
    for claim in CLAIMS:
        claim_card(claim)


page()
