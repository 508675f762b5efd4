"""The page's address: the values that it holds, and which of them are possible."""

from __future__ import annotations

import math
from typing import Any

import streamlit as st
from streamlit.runtime.state.session_state_proxy import get_session_state

URL: dict[str, Any] = {"bind": "query-params"}
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
