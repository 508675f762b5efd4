"""Records of work that are damaged: said, each with a way on, in place of being left out."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import streamlit as st

from ..figures.shared.plain_text import for_markdown
from ..jobs import DamagedRecord

LINES = 40  # of a log, from its end
SIZE = 20_000  # bytes of it that are looked at
REMOVED = "Removes the record alone; results and what is at work stay."


def damaged_rows(records: list[DamagedRecord]) -> None:
    """A sentence for each, the log of what it was where that is known, and the button that removes the record."""
    for each in records:
        key, path = each.place.stem, each.path
        with st.container(border=True, key=f"damaged_{key}"):
            left, middle, right = st.columns([6, 1.6, 1.2], vertical_alignment="center")
            left.error(for_markdown(said(each, path)), icon=":material/error:")
            log = None if path is None else _end_of(path.with_suffix(".log"))
            if log:
                with middle.popover("Its log", key=f"log_{key}"):
                    st.code(log, language=None, wrap_lines=True)
            right.button("Remove it", key=f"forget_{key}", width="stretch", on_click=each.forget, help=REMOVED)


def said(each: DamagedRecord, path: Path | None) -> str:
    """What is known of it, in one sentence."""
    what = "a piece of work" if path is None else f"what made '{path.name}'"
    working = (
        "a process is still at it, and cannot be ended here; let it go on, or remove the record, and what it writes is kept."
        if each.at_work
        else "nothing is at it any more, and its result is kept; remove the record, and compute again what was not done."
    )
    return f"The record of {what} ('{each.place.name}') is damaged: {working}"


def _end_of(log: Path) -> str:
    """The last lines of a log; empty where there is none."""
    with suppress(OSError), log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - SIZE))
        return "\n".join(file.read().decode(errors="replace").splitlines()[-LINES:])
    return ""
