"""The widget that chooses which other trainings are drawn on the plane; in the address."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st
from lossnav.sample_models import card, names

from .. import workspace
from .address import offered_each
from .url import URL

MOST = 3
KEY = "trainings"
HELP = (
    "Trainings of the same network. Their checkpoints are projected onto this plane; each keeps its own loss and data."
)


def other_trainings(target: str) -> list[str]:
    """Trainings that may be of the same network as a target's: a sample's by their size and data, else the folder's problems."""
    if target not in names():
        return [name for name in workspace.latest().of(workspace.PROBLEM) if name != target]
    own = _shape(target)
    return [name for name in names() if name != target and own is not None and _shape(name) == own]


def _shape(name: str) -> tuple[str, int] | None:
    """What tells samples of different networks apart: the family, the first word of the name, and the number of parameters."""
    about = card(name)
    return (name.partition("-")[0], about["parameters"]) if "parameters" in about and "trajectory" in about else None


def trainings_control(targets: Sequence[str], key: str = KEY) -> tuple[str, ...]:
    """Which other trainings are to be drawn over the landscapes of these networks; none where none is offered."""
    offered = list(dict.fromkeys(other for target in targets for other in other_trainings(target)))
    if not offered:
        return ()
    offered_each(key, offered, "trainings", MOST)
    chosen = st.multiselect(
        "Other trainings", offered, key=key, max_selections=MOST, help=HELP, placeholder="none", **URL
    )
    return tuple(chosen)
