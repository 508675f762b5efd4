"""Pages of measured landscapes open on a person's own network where that was looked at last, and name it in the address."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st
from lossnav.sample_models import names


def own_landscapes(offered: Sequence[str]) -> list[str]:
    """Those of the model that was looked at last, then of other problems; none where that was a sample.

    >>> st.session_state["model"] = "mine.py"
    >>> own_landscapes(["digits-plain · random", "other.py · random", "mine.py · random"])
    ['mine.py · random', 'other.py · random']
    >>> st.session_state["model"] = "digits-plain"
    >>> own_landscapes(["digits-plain · random", "mine.py · random"])
    []
    """
    model = st.session_state.get("model")
    if model is None or model in names():
        return []
    mine = [name for name in offered if name.startswith(f"{model} · ")]
    others = [name for name in offered if name not in mine and name.partition(" · ")[0] not in names()]
    return [*mine, *others] if mine else []


def open_on(key: str, value: Any) -> None:
    """Have a widget begin with a value, unless it has one already or the address gives one."""
    if key not in st.session_state and key not in st.query_params:
        st.query_params[key] = st.session_state[key] = value
