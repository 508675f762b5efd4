"""Where a plane lies: its angle, its centre, its seed and how its directions are normalised."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import streamlit as st
from lossnav.core.plane.directions import NORMALIZATIONS

from ..request.survey import SurveyRequest, checkpoints

TRAINED = "trained"
URL: dict[str, Any] = {"bind": "query-params"}
NORMALIZATION_HELP = (
    "**filter**: every filter of the direction gets the length of the network's own (Li et al. 2018), so rescaling a "
    "whole layer does not change the picture. Rescaling single units still does: only **weight** is free of that. "
    "**layer**: the same per tensor. **none**: raw Gaussian directions."
)
TURN_HELP = "d₂ becomes cos φ d₂ + sin φ d₃: a third direction of the same seed. The arrow keys turn too."
CENTRE_HELP = (
    "The plane lies around the network as it was at this checkpoint; BatchNorm statistics stay the trained network's."
)


def position_controls(base: SurveyRequest) -> SurveyRequest:
    """Angle, centre, seed and normalisation of the plane that `base` names."""
    fixed = base.plane != "random"
    turn = st.slider(
        "Angle φ towards a third direction", -90, 90, 0, 5, format="%d°", key="turn", help=TURN_HELP, **URL
    )
    centre = _centre(base.target)
    left, right = st.columns([1, 1.25], gap="small")
    seed = left.number_input("Seed", 0, 2**31 - 1, 0, key="seed", disabled=fixed, **URL)
    normalize = right.selectbox(
        "Normalise", NORMALIZATIONS, key="normalize", disabled=fixed, help=NORMALIZATION_HELP, **URL
    )
    return replace(base, turn=float(turn), centre=centre, seed=int(seed), normalize=normalize).settled


def _centre(target: str) -> int | None:
    """The checkpoint that the plane lies around; None: the trained network, which is the path's end."""
    count = checkpoints(target)
    if count < 2:
        return None
    # the end is a word, so that it stays chosen when another model's path is longer
    chosen = st.select_slider(
        "Centre along the training path", [*range(count - 1), TRAINED], TRAINED, key="centre", help=CENTRE_HELP, **URL
    )
    return None if chosen == TRAINED else int(chosen)
