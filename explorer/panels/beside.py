"""Landscapes of the network that lie in the folder, whatever their grid: a press shows one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st
from lossnav.sample_models import NAMES

from ..beside import Beside, landscapes_beside
from ..controls.model import NOT_OFFERED
from ..figures.shared.plain_text import for_markdown

MOST = 6


def beside_panel(target: str, problem: Mapping[str, Any] | None = None) -> None:
    """A button for each; nothing where there is none, or of a sample.

    problem  the identity of the network whose landscape is drawn, where one is: what is of other weights or data says so
    """
    listed = [] if target in NAMES else landscapes_beside(target)
    if not listed:
        return
    with st.container(key="beside"):
        st.caption(f"Landscapes of {for_markdown(target)} in this folder, measured in a terminal:")
        for k, each in enumerate(listed[:MOST]):
            other = " · of other weights or data" if problem and _differs(each, problem) else ""
            st.button(
                for_markdown(f"{each.title}{other}"),
                key=f"beside_{k}",
                on_click=_look_at,
                args=(each.name,),
                width="stretch",
            )
        if len(listed) > MOST:
            st.caption(f"{len(listed) - MOST} more under “Model”.")


def _differs(each: Beside, problem: Mapping[str, Any]) -> bool:
    return any(each.info.problem.get(part) != problem.get(part) for part in ("network", "weights", "data"))


def _look_at(name: str) -> None:
    st.session_state.pop(NOT_OFFERED, None)
    st.session_state["model"] = name
