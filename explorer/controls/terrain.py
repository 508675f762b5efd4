"""What is drawn: height, switches of the properties, their readouts, scales and knobs, and the colour, bound to the address bar."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st
import xarray as xr
from lossnav.core import PROPERTIES, Settings
from lossnav.core.properties import OWNERS, ROLES, TERRAIN, Knob, NavigatorProperty, Owner, Readout

from ..figures.shared.picture import ARROWS, arrow_name
from ..state import TERRAIN_NAME, Drawing
from .address import offered
from .url import URL
from .vocabulary_card import vocabulary_card

SCALES = ("auto", "linear", "log", "symlog")
AS_HEIGHT = "height"
COLOR_KEY = "options of the colour"  # in the session's state


def elevation_controls(land: xr.Dataset) -> tuple[Drawing, Drawing | None]:
    """The drawing of the height: readout, scale, clips; and of the terrain's colour where no overlay gives it."""
    facts = land.lossnav.facts
    readouts = [r for owner in OWNERS if owner.heights for r in _readouts(owner, facts.get(owner.name, {}))]
    shown = {r.variable: r for r in readouts if r.variable in land and not r.arrows}
    heights = [v for v, r in shown.items() if not r.labels]
    offered("height", {v: shown[v].label for v in heights}, "the height")
    with st.expander("Height and terrain"):
        variable = st.selectbox("Height", heights, key="height", format_func=lambda v: shown[v].label, **URL)
        height = Drawing(variable, *_scale_controls(TERRAIN_NAME))
        own = TERRAIN.readouts_of(facts.get(TERRAIN.name, {}))
        colors = {AS_HEIGHT: "as the height", **{r.variable: r.label for r in own if r.variable in shown}}
        offered("terrain_color", colors, "the terrain's colour")
        color = st.selectbox(
            "Terrain colour",
            list(colors),
            key="terrain_color",
            format_func=colors.__getitem__,
            **URL,
        )
    return height, None if color in (AS_HEIGHT, variable) else Drawing(color)


@dataclass(frozen=True)
class Switches:
    """The state of the row of switches, and the places for values at the picked point.

    factors  knob → its value, or what multiplies the landscape's own
    first    property → the variable that its switch draws at first
    arrows   the properties that show their arrows
    """

    overlays: dict[str, Drawing]
    factors: dict[str, float]
    values: dict[str, Any]
    first: dict[str, str]
    arrows: tuple[str, ...] = ()

    def settings(self, facts: dict[str, Any]) -> Settings:
        """The factors as settings of a landscape with these facts; without a number of its own there is none to multiply."""
        known = ((facts.get(owner.name, {}), knob) for owner in OWNERS for knob in owner.knobs if knob.choices)
        return Settings(**{knob.name: _turned(knob, own, self.factors.get(knob.name)) for own, knob in known})


def _turned(knob: Knob, facts: dict[str, Any], factor: float | None) -> float | None:
    """The value of a knob that was turned to `factor`; None: the landscape's own."""
    if knob.default is not None:
        return knob.default if factor is None else factor
    own = facts.get(knob.name)
    return None if own is None or factor in (None, 1.0) else factor * own


def switch_row(unavailable: dict[str, str], facts: dict[str, Any], held: Collection[str] = ()) -> Switches:
    """A switch for each property: the independent ones, then those derived from them.

    held  the variables that the landscape holds: of what is measured only where it is asked for by name, nothing else can be drawn
    """
    absent = {r.variable: "" for p in PROPERTIES for r in p.readouts if r.asked and r.variable not in held}
    unavailable = absent | unavailable
    overlays: dict[str, Drawing] = {}
    values: dict[str, Any] = {}
    factors: dict[str, float] = {}
    arrows: list[str] = []
    rows = {role: [p for p in PROPERTIES if p.entry.role == role] for role in ROLES}
    groups = st.columns([len(members) for members in rows.values()], gap="medium")
    for group, (role, members) in zip(groups, rows.items(), strict=True):
        with group.container(key=f"switches_{role}"):
            st.caption(f"{role.capitalize()} properties")
            for place, owner in zip(st.columns(len(members), gap="small"), members, strict=True):
                with place:
                    reason = _why_none(owner, unavailable)
                    drawing, values[owner.name] = _switch(owner, reason, unavailable, facts, factors, arrows)
                    if drawing is not None:
                        overlays[owner.name] = drawing
    first = {owner.name: first_drawn(owner, facts, unavailable) for owner in PROPERTIES}
    return Switches(overlays, factors, values, first, tuple(arrows))


def _why_none(owner: NavigatorProperty, unavailable: dict[str, str]) -> str | None:
    """Why a property has no readout at all; None where it has one."""
    reasons = [unavailable.get(r.variable) for r in owner.readouts if not r.asked]
    return reasons[0] if all(reasons) else None


def _switch(
    owner: NavigatorProperty,
    reason: str | None,
    unavailable: dict[str, str],
    facts: dict[str, Any],
    factors: dict[str, float],
    arrows: list[str],
) -> tuple[Drawing | None, Any]:
    on = st.toggle(owner.name.capitalize(), key=f"on_{owner.name}", disabled=reason is not None, **URL)
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"line_{owner.name}"):
        value = st.container(key=f"value_{owner.name}")  # not `empty`, which blinks when the page is drawn anew
        with st.popover(
            "",
            icon=":material/tune:",
            type="tertiary",
            key=f"more_{owner.name}",
            help="Readout, scale, meaning",
            on_change="rerun",
        ) as panel:
            drawing = None
            if reason is None:
                drawing = _readout_controls(owner, unavailable, facts)
                if owner.name in ARROWS and _arrows_toggle(owner):
                    arrows.append(owner.name)
                factors |= _knob_controls(owner, facts.get(owner.name, {}))
                st.divider()
            else:
                st.info(f"Unavailable: {reason}", icon=":material/info:")
            if panel.open:  # cards that nobody looks at would slow every turn of the page
                vocabulary_card(owner)
    return (drawing if on and reason is None else None), value


def _readout_controls(owner: NavigatorProperty, unavailable: dict[str, str], facts: dict[str, Any]) -> Drawing:
    readouts = _readouts(owner, facts.get(owner.name, {}))
    shown = {r.variable: r for r in readouts if r.variable not in unavailable}
    first = first_drawn(owner, facts, unavailable)
    offered(f"readout_{owner.name}", {v: _readout_title(r) for v, r in shown.items()}, f"a readout of {owner.name}")
    variable = st.selectbox(
        "Readout",
        list(shown),
        index=list(shown).index(first) if first in shown else 0,
        key=f"readout_{owner.name}",
        format_func=lambda v: _readout_title(shown[v]),
        **URL,
    )
    if remark := owner.remark(facts.get(owner.name, {})):
        st.info(remark, icon=":material/info:")
    return Drawing(variable, *_scale_controls(owner.name))


def _arrows_toggle(owner: NavigatorProperty) -> bool:
    """Whether a property shows its arrows; the first that has some keeps the plain word in the address bar."""
    key = "arrows" if owner.name == next(iter(ARROWS)) else f"arrows_{owner.name}"
    return st.toggle(f"{arrow_name(owner.name).capitalize()} as arrows", True, key=key, **URL)


def _knob_controls(owner: NavigatorProperty, facts: dict[str, Any]) -> dict[str, float]:
    """The settings of a property's knobs: knob → value, or a factor of the landscape's own."""
    settings = {}
    for knob in owner.knobs:
        if knob.choices:
            settings[knob.name] = st.select_slider(
                knob.label, knob.choices, 1.0 if knob.default is None else knob.default, key=knob.name, **URL
            )
            own = facts.get(knob.name) if knob.default is None else 1.0
            if knob.caption is not None and own is not None:
                st.caption(knob.caption(facts, own * settings[knob.name]))
    return settings


def _scale_controls(key: str) -> tuple[str, float | None, float | None]:
    offered(f"scale_{key}", {name: name for name in SCALES}, "the scale")
    kind = st.segmented_control("Scale", SCALES, default="auto", key=f"scale_{key}", required=True, **URL)
    low, high = st.columns(2)
    return (
        kind or "auto",
        low.number_input("Clip below", value=None, key=f"low_{key}", format="%g", placeholder="auto", **URL),
        high.number_input("Clip above", value=None, key=f"high_{key}", format="%g", placeholder="auto", **URL),
    )


def color_control(overlays: dict[str, Drawing]) -> str:
    """Which of the layers colours the surface: the one chosen, else the overlay that was switched on first."""
    order = [name for name in st.session_state.get("switched", []) if name in overlays]
    order += [name for name in overlays if name not in order]
    st.session_state["switched"] = order
    options = [*overlays, TERRAIN_NAME]
    wanted = st.query_params.get("color")
    st.session_state[COLOR_KEY] = key = f"color_{'_'.join(overlays)}"
    chosen = st.segmented_control(
        "Colour",
        options,
        label_visibility="collapsed",
        default=wanted if wanted in options else [*order, TERRAIN_NAME][0],
        key=key,
        format_func=_layer_title,
        required=True,
        on_change=_keep_color,  # the options come and go, the choice stays
        args=(key,),
    )
    return chosen or TERRAIN_NAME


def _keep_color(key: str) -> None:
    """Have the address hold the colour, where it was chosen from the options that are shown: a browser tells of those that went, too."""
    if st.session_state.get(COLOR_KEY) == key:
        st.query_params["color"] = st.session_state[key]


def _layer_title(name: str) -> str:
    return "Terrain" if name == TERRAIN_NAME else name.capitalize()


def _readouts(owner: Owner, facts: Mapping[str, Any]) -> list[Readout]:
    """The readouts of a property, or the terrain's, where these are its facts; the two components of an arrow are one choice."""
    unique = {r.name if r.arrows else r.variable: r for r in reversed(owner.readouts_of(facts))}
    return list(reversed(unique.values()))


def _readout_title(readout: Readout) -> str:
    return f"{readout.arrows.capitalize()} (arrows)" if readout.arrows else readout.label


def first_drawn(owner: NavigatorProperty, facts: dict[str, Any], unavailable: dict[str, str]) -> str:
    """The variable that a switch draws at first: the property's own choice, else the first that there is."""
    wanted = owner.first_drawn(facts.get(owner.name, {}))
    offered = [r.variable for r in owner.readouts if r.variable not in unavailable and not r.asked]
    return wanted if wanted in offered or not offered else offered[0]
