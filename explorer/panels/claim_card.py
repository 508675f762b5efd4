"""A claim as a card: what it says and by which rule it is decided, what came of it, what that does not say, and a live run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeVar

import streamlit as st
from lossnav.core.checks import first_line
from lossnav.core.claims import NOT_SUPPORTED, SUPPORTED, UNDECIDED, Claim, Result, read_result, shipped
from lossnav.core.claims.robustness import shipped_passes

from ..figures.shared.plain_text import for_markdown
from ..figures.web.claim_panel import panel_figure
from ..request.claim import ClaimRequest
from .claim_live import live_look, live_twins
from .claim_map import claim_map
from .progress import read_or_repair, waiting_panel

T = TypeVar("T")

COLORS: dict[str, Literal["green", "orange", "gray"]] = {SUPPORTED: "green", NOT_SUPPORTED: "orange", UNDECIDED: "gray"}
OFFER = ("A small run shows the rule at work. It takes a few minutes, and is never confirmatory.", "Run it")


def claim_card(claim: Claim) -> None:
    """The words at the left, the figure at the right."""
    full = ClaimRequest(claim.name)
    with st.container(border=True, key=f"claim_{claim.name}"):
        left, right = st.columns([1, 1.25], gap="medium")
        with left:
            st.markdown(f"#### {for_markdown(claim.title)}")
            status = st.container()
            st.markdown(for_markdown(claim.hypothesis))
        with right:
            result = _shown(claim, full)
            if result is not None:
                _figure(result, claim.name)
        with status:
            _status(result)
        if claim.name == "memory":
            if result is not None:
                claim_map(result)
            live_look()
            live_twins()
        if result is not None and not result.plan.quick:
            _small_run(claim)
        for each in came(lambda: shipped_passes(claim)) or ():
            st.caption(for_markdown(f"Beside the verdict, {each.place}: {each.said}"))
        _words(claim, full.command)


def came(read: Callable[[], T]) -> T | None:
    """Results that came with the package; None where they are damaged, which is said."""
    try:
        return read()
    except Exception as error:  # damage of any kind is a sentence here
        said = for_markdown(first_line(error))
        st.error(f"What came with the package cannot be read: {said}. Install it anew.", icon=":material/error:")
        return None


def _shown(claim: Claim, full: ClaimRequest) -> Result | None:
    """One's own confirmatory run, else what came with the package, else another run of one's own, or the offer of one."""
    computed = read_or_repair(full, read_result) if full.path.exists() else None
    if computed is not None and computed.why_not is None:
        return computed
    result = came(lambda: shipped(claim)) or computed
    if result is not None:
        return result
    quick = ClaimRequest(claim.name, quick=True)
    return read_or_repair(quick, read_result) if waiting_panel(quick, offer=OFFER, name=claim.name) else None


def _small_run(claim: Claim) -> None:
    """The smaller run beside the verdict, so that the rule is seen at work."""
    request = ClaimRequest(claim.name, quick=True)
    with st.expander("A smaller run of your own"):
        result = (
            read_or_repair(request, read_result)
            if waiting_panel(request, offer=OFFER, name=f"small_{claim.name}")
            else None
        )
        if result is not None:
            _status(result)
            _figure(result, f"small_{claim.name}")


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


def _figure(result: Result, name: str) -> None:
    titles = [panel.title for panel in result.panels]
    chosen = st.selectbox(
        "Figure",
        range(len(titles)),
        format_func=lambda k: titles[k],
        key=f"panel_{name}",
        label_visibility="collapsed",
    )
    figure = panel_figure(result.panels[chosen], st.context.theme.type == "dark")
    st.plotly_chart(figure, theme=None, key=f"chart_{name}", config={"displayModeBar": False}, alt=titles[chosen])


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
