"""A claim as a card: what it says and by which rule it is decided, what came of it, what that does not say, and a live run."""

from __future__ import annotations

from typing import Literal

import streamlit as st
from lossnav.core.claims import NOT_SUPPORTED, SUPPORTED, UNDECIDED, Claim, Result, read_result

from ..figures.shared.plain_text import for_markdown
from ..figures.web.claim_panel import panel_figure
from ..request.claim import ClaimRequest
from .progress import kept, waiting_panel

COLORS: dict[str, Literal["green", "orange", "gray"]] = {SUPPORTED: "green", NOT_SUPPORTED: "orange", UNDECIDED: "gray"}
OFFER = ("A small run shows the rule at work. It takes a few minutes, and is never confirmatory.", "Run it")


def claim_card(claim: Claim) -> None:
    """The words at the left, the figure at the right."""
    full, quick = ClaimRequest(claim.name), ClaimRequest(claim.name, quick=True)
    request = full if full.path.exists() else quick
    with st.container(border=True, key=f"claim_{claim.name}"):
        left, right = st.columns([1, 1.25], gap="medium")
        with left:
            st.markdown(f"#### {for_markdown(claim.title)}")
            status = st.container()
            st.markdown(for_markdown(claim.hypothesis))
        with right:
            there = waiting_panel(request, offer=OFFER, name=claim.name)
            result = kept(request, read_result) if there else None
            if result is not None:
                _figure(result)
        with status:
            _status(result)
        _words(claim, full.command)


def _status(result: Result | None) -> None:
    if result is None:
        st.badge("Not run", color="gray")
        return
    with st.container(horizontal=True):
        st.badge(result.verdict.verdict.capitalize(), color=COLORS[result.verdict.verdict])
        st.badge(for_markdown(result.status.capitalize()), color="gray" if result.why_not else "blue")
    st.markdown(for_markdown(result.verdict.sentence))
    failed = [each for each in result.verdict.controls if not each.passed]
    passed = len(result.verdict.controls) - len(failed)
    st.caption(
        for_markdown(
            " ".join(
                [f"{passed} of {len(result.verdict.controls)} controls passed."]
                + [f"{c.name}: {c.said}." for c in failed]
            )
        )
    )


def _figure(result: Result) -> None:
    titles = [panel.title for panel in result.panels]
    chosen = st.selectbox(
        "Figure",
        range(len(titles)),
        format_func=lambda k: titles[k],
        key=f"panel_{result.claim}",
        label_visibility="collapsed",
    )
    figure = panel_figure(result.panels[chosen], st.context.theme.type == "dark")
    st.plotly_chart(
        figure, theme=None, key=f"chart_{result.claim}", config={"displayModeBar": False}, alt=titles[chosen]
    )


def _words(claim: Claim, command: str) -> None:
    rule, limits, how = st.columns(3)
    with rule.expander("Rule, fixed before the run"):
        st.markdown(for_markdown(claim.rule))
    with limits.expander("What a verdict does not say"):
        st.markdown(for_markdown(claim.not_said))
    with how.expander("How it is measured"):
        for said in (claim.population, claim.measures, claim.statistic, claim.null, claim.controls):
            st.markdown(for_markdown(said))
        st.caption("The confirmatory run, in a terminal:")
        st.code(command, language="bash")
