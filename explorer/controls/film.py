"""The step of the training that is shown, which the address holds."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from .address import STEP, keep, quoted, say

SEEN = "steps of the film"  # in the session's state


def step_of_address(steps: Sequence[int]) -> int:
    """Which of these steps the address names, by its place among them: the last where it names none.

    A step that there is not is told so, unless it was of another training that the page showed before.
    """
    known, st.session_state[SEEN] = st.session_state.get(SEEN), tuple(steps)
    text = st.query_params.get(STEP)
    if text is None:
        return len(steps) - 1
    named = [str(step) for step in steps]
    if text in named:
        return named.index(text)
    if known in (None, tuple(steps)):
        offered = ", ".join(named if len(named) < 12 else [*named[:6], "…", named[-1]])
        say(
            f"The address gives the step {quoted(text)}, of which there is no checkpoint ({offered}): the end is shown."
        )
    keep(STEP, None)
    return len(steps) - 1


def keep_step(steps: Sequence[int], at: object) -> None:
    """Have the address name the step in this place; the last is the usual one, and not named."""
    if isinstance(at, int) and 0 <= at < len(steps):
        keep(STEP, None if at == len(steps) - 1 else str(steps[at]))
