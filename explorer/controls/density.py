"""The widgets of the page "Density" → what was asked: which model, mapped how, coloured by what, where."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

import streamlit as st
from lossnav.core import InputError
from lossnav.core.density import DENSITY_CLAIMS, DensityClaim, DensityInfo
from lossnav.core.formats import read_density_map

from ..request.density import DensityRequest
from ..request.shipped import result_of
from ..request.survey import checkpoints
from .address import offered
from .model import model_choice, targets
from .picked import keep_picked, picked_on_terrain
from .url import URL

TRAINED, CHECKPOINT, PICKED = PLACES = ("Trained network", "Checkpoint of the training", "Picked point of the terrain")
INPUTS = "inputs"
COLORS = {
    "perplexity": "Perplexity",
    "confidence": "Confidence",
    "gradient_norm": "Gradient norm",
    "label": "Class",
    "loss": "Loss",
}


def density_controls() -> DensityRequest:
    """Which model, what of it is mapped, and where in parameter space."""
    target = model_choice(targets(), _forget_layer)
    layers = [INPUTS, *_layers(target)]
    layer = st.selectbox("Map of", layers, key="layer", help=LAYER_HELP, **URL)
    chosen = None if layer in (None, INPUTS) else layer
    picked = picked_on_terrain(target)
    count = checkpoints(target)
    places = {TRAINED: True, CHECKPOINT: bool(count), PICKED: picked is not None}
    words = dict(zip(("trained", "checkpoint", "picked"), PLACES, strict=True))
    offered("density_place", {word: name for word, name in words.items() if places[name]}, "the place")
    place = st.radio("Where", [p for p in PLACES if places[p]], key="density_place", **URL)
    keep_picked(picked if place == PICKED else None)
    if place == CHECKPOINT:
        step = st.slider("Checkpoint", 0, count - 1, count // 2, key="checkpoint", **URL)
        return DensityRequest(target, chosen, checkpoint=step)
    if place == PICKED and picked is not None:
        return DensityRequest(target, chosen, plane=picked[0], point=picked[1])
    return DensityRequest(target, chosen)


LAYER_HELP = (
    "The inputs as they are where they have two dimensions, else their two principal components; or what a layer makes "
    "of them. Density in the numbers is always taken in the full space, not on the map."
)


@dataclass(frozen=True)
class DensityDisplay:
    """The display of a density map: the variable that colours it, and the claim in the small plot."""

    color: str
    claim: DensityClaim


def look_controls() -> DensityDisplay:
    """Always all choices, also while the map is computed: what is not drawn would fall out of the address bar."""
    offered("color_by", COLORS, "the colour")
    color = st.selectbox("Colour", list(COLORS), key="color_by", format_func=COLORS.__getitem__, **URL)
    named = {claim.called.capitalize(): claim for claim in DENSITY_CLAIMS}
    first = next(iter(named))
    offered("claim", {name: name for name in named}, "the claim")
    chosen = st.segmented_control("Density against", list(named), default=first, key="claim", required=True, **URL)
    return DensityDisplay(color, named[chosen or first])


def _layers(target: str) -> list[str]:
    """The layers that a map can be made of, as the first map of the inputs told; one in the address bar is believed."""
    path = result_of(DensityRequest(target))
    if path is not None:
        with suppress(InputError, ValueError, KeyError, TypeError):  # damaged: the page itself says so
            return list(DensityInfo.of(read_density_map(path)).layers)
    wanted = st.query_params.get("layer", INPUTS)
    return [] if wanted == INPUTS else [wanted]


def _forget_layer() -> None:
    st.session_state["layer"] = INPUTS  # another network has other layers
