"""The page's address: the values that it holds, and which of them are possible."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st
from lossnav.sample_models import names
from streamlit.runtime.state.session_state_proxy import get_session_state

from .. import workspace
from ..figures.shared.plain_text import for_markdown
from ..server import TARGET_VARIABLE

NOT_OFFERED = "model that the address names"  # in the session's state
URL: dict[str, Any] = {"bind": "query-params"}


def targets(*further: str) -> tuple[str, ...]:
    """The models to choose from: what the command was given, the problems of the folder it was started in, then the samples.

    further  what else of that folder is offered: kinds of the workspace
    """
    found = workspace.latest().of(workspace.PROBLEM, *further)
    return tuple(dict.fromkeys([*given(), *found, *names()]))


def given() -> tuple[str, ...]:
    """What the command was given besides the samples."""
    target = os.environ.get(TARGET_VARIABLE)
    return (target,) if target else ()


def first(offered: Sequence[str]) -> int:
    """Which of the models a page opens on: what the command was given, else the first sample, of which there is a picture."""
    return 0 if given() else offered.index(names()[0])


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
    if NOT_OFFERED in st.session_state:
        named = for_markdown(f"“{st.session_state[NOT_OFFERED][:200]}”")
        st.warning(
            f"The address names the model {named}, which is none of those offered here, so {for_markdown(chosen)} is shown. To look "
            "at a file of your own, start `lossnav explore FILE`, or start it in the file's folder."
        )
    return chosen


LONGEST = 4096  # characters; a path may be as long
LARGEST = 1e15  # a browser's numbers are exact up to about 9e15


def drop_impossible() -> None:
    """Take out of the address what no widget can hold, and say so: numbers without end or far too large, text without end."""
    wrong = [name for name in st.query_params if not all(map(_possible, st.query_params.get_all(name)))]
    for name in wrong:
        del st.query_params[name]
    if wrong:
        with get_session_state().query_params() as address:  # what widgets start from was read before this
            address.set_initial_query_params_from_current()
        named = ", ".join(f"“{name[:40]}”" for name in wrong[:5])
        st.warning(f"The address gives {named} a value that is not possible: the usual one is shown.")


def _possible(value: str) -> bool:
    """Whether a widget can hold a value of the address.

    >>> [_possible(value) for value in ("3", "-0.5", "gaussians-mlp", "inf", "1e400", "9" * 400, "nan", "x" * 5000)]
    [True, True, True, False, False, False, False, False]
    """
    if len(value) > LONGEST:
        return False
    try:
        return math.isfinite(number := float(value)) and abs(number) <= LARGEST
    except ValueError:
        return True
