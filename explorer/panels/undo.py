"""Undo by the browser's own Back: every choice on a page is a step of its history, and Back and Forward go from one to the next."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

_SCRIPT = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
_mount = st.components.v2.component("lossnav_undo", html="<span></span>", js=_SCRIPT)


def undo() -> None:
    """Have this page's choices be steps; nothing is seen of it."""
    with st.container(key="undo"):
        _mount(key="undo_steps")
