"""The map of claim memory: a press on a cell opens what lies behind it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import plotly.graph_objects as go
import streamlit as st
from lossnav.core.claims import Result, accuracy_panel, map_cells, map_panel, rule_steps, sharpness_panel

from ..figures.shared.plain_text import for_markdown
from ..figures.web.claim_map import grid_figure
from ..figures.web.claim_panel import panel_figure

PICKED = "claim_map_contrast"
ARMS = {"late": "after the common finish", "stop": "at its beginning"}


def claim_map(result: Result) -> None:
    """Contrast by outcome, and the picked contrast's distributions; nothing of a result without contrasts."""
    places = map_cells(result.findings)
    if not places:
        return
    st.markdown("##### Where the mark of each history is found")
    place = st.selectbox(
        "Data and arm",
        list(places),
        format_func=lambda each: f"{each[0]}, {ARMS[each[1]]}",
        key="claim_map_place",
        label_visibility="collapsed",
    )
    tests = {test["contrast"]: test for test in places[place]}
    if st.session_state.get(PICKED) not in tests:
        st.session_state[PICKED] = next(iter(tests))
    left, right = st.columns([1.2, 1], gap="medium")
    with right:
        picked = st.selectbox("Contrast", list(tests), key=PICKED)
        contrast_details(tests[picked], "map")
    dark = st.context.theme.type == "dark"
    with left:
        panel = map_panel(list(tests.values()), "")
        chart(grid_figure(panel, picked, dark), "claim_map_grid", "Contrasts by outcome", on_select=_pick)


def contrast_details(test: Mapping[str, Any], place: str) -> None:
    """Accuracies, λ_max by history, and the rule's conditions one by one; `place` tells one contrast's details on a page apart."""
    dark = st.context.theme.type == "dark"
    name = f"{place}_{test['contrast']}_{test['data']}_{test['arm']}"
    chart(panel_figure(accuracy_panel(test), dark), f"accuracies_{name}", "How often the history is told")
    steps_said(test)
    chart(panel_figure(sharpness_panel(test), dark), f"sharpness_{name}", "λ_max by history")
    spread = test["spread"]
    st.caption(
        for_markdown(
            f"{test['networks']} networks. The history does not explain {100 * spread[0]:.0f} % ({100 * spread[1]:.0f} to {100 * spread[2]:.0f}) of the variance of ln λ_max."
        )
    )


def steps_said(test: Mapping[str, Any]) -> None:
    """Which of the rule's conditions hold."""
    st.markdown(for_markdown(f"Outcome: {test['outcome']}.").replace(test["outcome"], f"**{test['outcome']}**", 1))
    for kind, steps in rule_steps(test).items():
        said = "; ".join(f"{asked}: {number}, {'yes' if holds else 'no'}" for asked, number, holds in steps)
        st.caption(for_markdown(f"{kind} beside V — {said}."))


def chart(figure: go.Figure, key: str, alt: str, on_select: Any = "ignore") -> None:
    """A figure of the page."""
    st.plotly_chart(
        figure,
        theme=None,
        key=key,
        config={"displayModeBar": False},
        alt=alt,
        on_select=on_select,
        selection_mode="points",
    )


def _pick() -> None:
    """The contrast of the mark that was pressed."""
    points = st.session_state["claim_map_grid"]["selection"]["points"]
    if points:
        told = points[0]["customdata"]  # a list comes as a mapping of its places
        st.session_state[PICKED] = told[min(told)] if isinstance(told, Mapping) else told[0]
