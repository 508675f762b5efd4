"""Where a plane lies: its angle, its centre, and whatever else its kind leaves open."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import streamlit as st
from lossnav.core.plane.kinds import Parameter
from lossnav.sample_models import names

from .. import workspace
from ..request.survey import SurveyRequest, checkpoints
from .url import URL

TRAINED = "trained"
TURN_HELP = "d₂ becomes cos φ d₂ + sin φ d₃: a third direction of the same seed. The arrow keys turn too."
CENTRE_HELP = (
    "The plane lies around the network as it was at this checkpoint; BatchNorm statistics stay the trained network's."
)


def position_controls(base: SurveyRequest) -> SurveyRequest:
    """Angle, centre and the parameters of the plane that `base` names."""
    kind = base.kind
    turn = 0.0
    if kind.turns:
        turn = st.slider(
            "Angle φ towards a third direction", -90, 90, 0, 5, format="%d°", key="turn", help=TURN_HELP, **URL
        )
    centre = _centre(base.target) if kind.around else None
    short = [p for p in kind.parameters if not p.places]
    # places along the path need the whole width, and so does what is alone; else what is short stands side by side
    values = {p.name: _places(p, base.target) for p in kind.parameters if p.places}
    columns = st.columns([1, 1.25], gap="small") * len(short) if len(short) > 1 else [st.container()]
    values |= {p.name: _widget(p, place) for p, place in zip(short, columns, strict=False)}
    return replace(base.with_values(values), turn=float(turn), centre=centre).settled


def _widget(parameter: Parameter, place: Any) -> Any:
    """The widget for a parameter's value, by its default and its choices."""
    title, default = parameter.title or parameter.name, parameter.default
    how: dict[str, Any] = {"key": parameter.name, "help": parameter.help, **URL}
    if parameter.choices:
        words = list(parameter.choices)
        return place.selectbox(title, words, words.index(default), format_func=parameter.choices.__getitem__, **how)
    if isinstance(default, bool):
        return place.toggle(title, default, **how)
    if isinstance(default, int | float):
        low, high = parameter.limits or (None, None)
        ends = [None if end is None else type(default)(end) for end in (low, high)]
        return place.number_input(title, *ends, default, **how)
    return place.text_input(title, default, **how)


def _places(parameter: Parameter, target: str) -> str:
    """Places along the training path, then the folder's other networks, separated by commas; ends have names, so that they stay."""
    last = checkpoints(target) - 1
    stops: list[Any] = ["initial", *range(1, last), TRAINED, *_other_networks(target)]
    named = {"middle": last // 2}
    plain = [named.get(word, word) for word in parameter.default.split(",")]
    title, words = parameter.title or parameter.name, []
    for number, word in enumerate(plain):
        text = f"{title}, {number + 1} of {parameter.places}"
        start = word if word in stops else stops[0]
        chosen = st.select_slider(
            text, stops, start, key=f"{parameter.name}_{number + 1}", help=parameter.help, format_func=_stop, **URL
        )
        words.append(chosen if isinstance(chosen, str) else f"checkpoint:{chosen}")
    return ",".join(words)


def _other_networks(target: str) -> list[str]:
    """The problems beside a person's own: what is not of the same network is refused when it is measured, and told."""
    if target in names():
        return []
    return [name for name in workspace.latest().of(workspace.PROBLEM) if name != target and "," not in name]


def _stop(place: Any) -> str:
    return place if isinstance(place, str) else f"checkpoint {place}"


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
