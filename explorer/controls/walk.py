"""The widgets of the panel "Walk" → a recipe; and the walks of the page, which its address holds."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st
from lossnav.core import InputError
from lossnav.core.walk import OPTIMIZERS, Recipe

from ..request.survey import SurveyRequest
from ..request.walk import WalkRequest
from .address import WALKS, keep

STEPS = (50, 100, 200, 500, 1000, 2000, 5000)
TITLES = {"sgd": "SGD", "adam": "Adam", "sam": "SAM", "flow": "Gradient flow"}
RATES = {"sgd": 0.05, "adam": 0.001, "sam": 0.05, "flow": None}
MOST = 4  # walks on one page
ADDRESS = WALKS  # in the address


def walk_controls() -> Recipe:
    """How the next walk goes."""
    name = st.segmented_control(
        "Optimiser",
        list(OPTIMIZERS),
        default="sgd",
        key="walk_optimizer",
        format_func=TITLES.__getitem__,
        required=True,
    )
    name = name or "sgd"
    left, middle, right = st.columns(3)
    steps = left.select_slider("Steps", STEPS, 200, key="walk_steps")
    rate = middle.number_input(
        "Rate", min_value=0.0, value=RATES[name], format="%g", key=f"walk_rate_{name}", disabled=name == "flow"
    )
    seed = right.number_input("Seed", 0, 10**6, 0, key="walk_seed", disabled=name == "flow")
    return Recipe(name, int(steps), rate or None, seed=int(seed) if name != "flow" else 0)


def walks_of(plane: SurveyRequest) -> tuple[WalkRequest, ...]:
    """The walks that the address names on this plane; what is no walk is left out, and that is said."""
    words = [word for word in st.query_params.get(ADDRESS, "").split(";") if word]
    walks = []
    for word in words[:MOST]:
        try:
            walks.append(WalkRequest.of_text(plane, word))
        except InputError as error:
            st.warning(str(error))
    return tuple(dict.fromkeys(walks))


def keep_walks(walks: Sequence[WalkRequest]) -> None:
    """Have the address name these walks."""
    keep(ADDRESS, ";".join(each.text for each in walks) or None)
