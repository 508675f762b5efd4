"""The check of a person's own network: the first thing that its page shows."""

from __future__ import annotations

import html
import os

import streamlit as st
from lossnav.core import Finding, InputError, check, load_problem
from lossnav.sample_models import NAMES

from ..figures.shared.plain_text import for_markdown
from ..request.opened import remember, remembered, written
from ..request.survey import checkpoints
from ..server import TARGET_VARIABLE


def check_panel(target: str, ran: bool = False) -> None:
    """A line that opens on the table; open by itself where something should be read before anything is measured.

    ran  whether its code, as it is, has run here or runs, for a survey

    A person's own code runs when a person says so, not when a page is opened: until then there is a button.
    """
    if target in NAMES:
        return
    known, key = _known(), (target, written(target))
    if key not in known and not _pressed(target, ran):
        return
    planes_of = checkpoints(target)
    try:
        with st.spinner("Testing the network on a few examples …"):
            findings = known[key] = known.get(key) or _tested(target)
    except InputError as error:
        st.warning(for_markdown(error))
        return
    if checkpoints(target) != planes_of:
        st.rerun()  # the choice of planes stands above this
    alarms = sum(line.alarms for line in findings)
    title = "What was understood and tested of this network" + (f": {alarms} to read first" if alarms else "")
    with st.expander(title, expanded=bool(alarms), key="check"):
        st.html(check_table(findings))


def _tested(target: str) -> list[Finding]:
    """The findings; how long the network's training path is, is known from now on, and which planes it has."""
    problem = load_problem(target)
    remember(target, 0 if problem.trajectory is None else len(problem.trajectory))
    return check(problem)


def _pressed(target: str, ran: bool) -> bool:
    left, right = st.columns([5, 1.5], vertical_alignment="center")
    left.caption(
        "What is understood of this network can be told and tested on a few examples."
        if ran or remembered(target) is not None or target == os.environ.get(TARGET_VARIABLE)
        else f"**{for_markdown(target)}** has not run: it runs on this machine when you press, with all that it does. Then you see "
        "what is understood of its network, tested on a few examples, and which planes it has."
    )
    return right.button("Test the network", key="test_network", width="stretch")


@st.cache_resource
def _known() -> dict[tuple[str, float], list[Finding]]:
    """This server's findings, by target and the time its file was written."""
    return {}


def check_table(findings: list[Finding]) -> str:
    """The findings as rows, those to be read first in bold.

    >>> check_table([Finding("tested", "parameters", "The loss changes with them.")])
    "<dl class='card'><dt>parameters</dt><dd>The loss changes with them.</dd></dl>"
    """
    rows = (_row(line) for line in findings)
    return f"<dl class='card'>{''.join(rows)}</dl>"


def _row(line: Finding) -> str:
    says = html.escape(line.says)
    return f"<dt>{html.escape(line.what)}</dt><dd>{f'<b>{says}</b>' if line.alarms else says}</dd>"
