"""The widgets of the page "Spectrum" → what was asked: which model, which matrix, where, and what to look at."""

from __future__ import annotations

import streamlit as st
from lossnav.sample_models import card, names

from ..request.opened import remembered
from ..request.spectrum import MATRICES, SHAPES, AlongRequest, SpectrumRequest
from .address import offered
from .model import model_choice, targets
from .picked import keep_picked, picked_on_terrain
from .url import URL

TRAINED, CHECKPOINT, ALONG, PICKED = PLACES = (
    "Trained network",
    "Checkpoint of the training",
    "Along the training",
    "Picked point of the terrain",
)
EIGENVALUES, SWEEP, LAYERS = SECTIONS = ("Eigenvalues", "What coupling does", "Layer by layer")


def spectrum_controls() -> SpectrumRequest | AlongRequest:
    """Which model, which matrix, and where."""
    target = model_choice(targets())
    offered("matrix", MATRICES, "the matrix")
    of = st.selectbox("Matrix", list(MATRICES), key="matrix", format_func=MATRICES.__getitem__, **URL)
    picked = picked_on_terrain(target)
    count = _checkpoints(target)
    places = {TRAINED: True, CHECKPOINT: bool(count), ALONG: count != 0, PICKED: picked is not None}
    words = dict(zip(("trained", "checkpoint", "along", "picked"), PLACES, strict=True))
    offered("place", {word: name for word, name in words.items() if places[name]}, "the place")
    place = st.radio("Where", [name for name in PLACES if places[name]], key="place", **URL)
    keep_picked(picked if place == PICKED else None)
    if place == CHECKPOINT and count:
        return SpectrumRequest(
            target, of, checkpoint=st.slider("Checkpoint", 0, count - 1, count // 2, key="checkpoint", **URL)
        )
    if place == ALONG:
        return AlongRequest(target, of)
    if place == PICKED and picked is not None:
        return SpectrumRequest(target, of, plane=picked[0], point=picked[1])
    return SpectrumRequest(target, of)


def _checkpoints(target: str) -> int | None:
    """How many checkpoints the training has; None: a person's own problem, whose command will say."""
    if target not in names():
        return remembered(target)
    facts = card(target)
    return (facts["trajectory"] or {}).get("checkpoints", 0) if "trajectory" in facts else None


def section_control() -> str:
    """Which section is open: the others do not start any work."""
    offered("section", dict(zip(("eigenvalues", "sweep", "layers"), SECTIONS, strict=True)), "the section")
    return (
        st.segmented_control(
            "Section",
            SECTIONS,
            default=EIGENVALUES,
            key="section",
            required=True,
            label_visibility="collapsed",
            **URL,
        )
        or EIGENVALUES
    )


def shape_control() -> str:
    """How the eigenvalues at one place are drawn."""
    return st.radio("Shown as", SHAPES, key="shape", **URL)
