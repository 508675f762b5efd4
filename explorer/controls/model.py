"""Which model a page looks at."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

import streamlit as st
from lossnav.sample_models import names

from .. import workspace
from ..figures.shared.plain_text import for_markdown
from ..server import TARGET_VARIABLE
from .menu import in_steady_order
from .url import URL

MOST_NAMED = 2  # of a person's own networks, where a sample is shown
NOT_OFFERED = "model that the address names"  # in the session's state


def targets(*further: str) -> list[str]:
    """The models to choose from: what the command was given, the problems of the folder it was started in, then the samples.

    further  what else of that folder is offered: kinds of the workspace
    """
    found = workspace.latest().of(workspace.PROBLEM, *further)
    return in_steady_order("models " + " ".join(further), [*given(), *found, *names()])


def given() -> tuple[str, ...]:
    """The target that the command was given besides the samples, if it was."""
    target = os.environ.get(TARGET_VARIABLE)
    return (target,) if target else ()


def first(offered: Sequence[str]) -> int:
    """Which of the models a page opens on: what the command was given, else the first sample, of which there is a picture."""
    return offered.index((given() or names())[0])


def model_choice(offered: Sequence[str], forget: Callable[[], None] = lambda: None) -> str:
    """Which of the models is looked at. An address that names another one is told so, until one is chosen.

    forget  what a choice undoes
    """
    asked = st.query_params.get("model")
    if asked is not None and asked not in offered:
        st.session_state[NOT_OFFERED] = asked

    def choose() -> None:
        st.session_state.pop(NOT_OFFERED, None)
        forget()

    chosen = st.selectbox("Model", offered, first(offered), key="model", on_change=choose, **URL)
    if chosen in names() and (mine := workspace.latest().of(workspace.PROBLEM)):
        st.caption(yours(mine))
    if NOT_OFFERED in st.session_state:
        named = for_markdown(f"“{st.session_state[NOT_OFFERED][:200]}”")
        st.warning(
            f"The address names the model {named}, which is none of those offered here, so {for_markdown(chosen)} is shown. To look "
            "at a file of your own, start `lossnav explore FILE`, or start it in the file's folder."
        )
    return chosen


def yours(problems: Sequence[str]) -> str:
    """That the menu has a person's own networks too, where a sample is shown.

    >>> yours(["mine.py"]), yours(["adam.py", "runs/mine.py", "sgd.py"])
    ('In this menu too: **mine.py**.', 'In this menu too: **adam.py**, **runs/mine.py** and 1 more.')
    """
    named = ", ".join(f"**{for_markdown(name)}**" for name in problems[:MOST_NAMED])
    rest = len(problems) - MOST_NAMED
    return f"In this menu too: {named}{f' and {rest} more' if rest > 0 else ''}."
