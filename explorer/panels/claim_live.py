"""Claim memory, live: one contrast through the rule in less than a minute, and the twins."""

from __future__ import annotations

import streamlit as st
from lossnav.core.claims import LOOK_CONTRASTS, LOOK_SAID, TWIN_HISTORIES, TwinPair, read_look, read_twins

from ..figures.shared.plain_text import for_markdown
from ..figures.web.claim_map import terrains_figure
from ..request.claim import LookRequest, TwinsRequest
from .claim_map import chart, contrast_details
from .progress import read_or_repair, waiting_panel

FIRST = "adam"


def live_look() -> None:
    """Choose a pair of histories, run it, see each step of the rule."""
    with st.expander("Watch the rule at work, in less than a minute"):
        st.caption(for_markdown(LOOK_SAID))
        contrast = st.selectbox(
            "Pair of histories", LOOK_CONTRASTS, index=LOOK_CONTRASTS.index(FIRST), key="look_contrast"
        )
        request = LookRequest(contrast)
        offer = (
            f"Trains the networks of “{contrast}” and tests them, about half a minute on two idle cores.",
            "Run it",
        )
        seen = (
            read_or_repair(request, read_look) if waiting_panel(request, offer=offer, name=f"look_{contrast}") else None
        )
        if seen is not None:
            st.markdown(for_markdown(seen.sentence))
            contrast_details(seen.test, "look")


def live_twins() -> None:
    """Two networks of one spectrum and two histories, with both terrains."""
    with st.expander("Twins: one spectrum, two histories"):
        request = TwinsRequest()
        offer = (
            "Trains two networks, measures all 334 eigenvalues of each and both terrains: some seconds.",
            "Make them",
        )
        found = read_or_repair(request, read_twins) if waiting_panel(request, offer=offer, name="twins") else None
        if found is not None:
            _twins(found)


def _twins(twins: TwinPair) -> None:
    st.markdown(for_markdown(_said(twins)))
    examples = st.selectbox("Loss of", list(twins.terrains), key="twins_examples")
    dark = st.context.theme.type == "dark"
    chart(terrains_figure(twins, examples, dark), f"twins_{examples}", "The twins' terrains, side by side")
    st.caption(
        "Each on the plane of its own two sharpest directions. Over all examples the two are the same picture, over one task's alone they are not: "
        "one's picture over task A is the other's over task B."
    )


def _said(twins: TwinPair) -> str:
    first, second = TWIN_HISTORIES
    losses = [f"{twins.losses[task][k]:.3f}" for k in (0, 1) for task in ("task A", "task B")]
    return (
        f"One learned task A first and one task B first, then both learned both. Their {len(twins.spectra[0])} eigenvalues differ by {twins.difference:.0e} of λ_max at most, "
        f"and no reader of spectra can tell them apart. The weights are {twins.distance:.1f} apart. Loss on task A and on task B: {losses[0]} and {losses[1]} ({first}), {losses[2]} and {losses[3]} ({second})."
    )
