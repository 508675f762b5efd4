"""A button that has a file made and saved, of what is chosen when it is pressed.

Streamlit's own download button loses a press while the page is being drawn anew. Here the wish is kept until the browser
says that it has the file.
"""

from __future__ import annotations

import base64
import uuid
from collections.abc import Callable

import streamlit as st
from lossnav.core import InputError

from ..figures.shared.plain_text import for_markdown

_SCRIPT = """
const saved = new Set();
export default function ({ data, setTriggerValue }) {
  if (saved.has(data.press)) return;
  saved.add(data.press);
  const bytes = Uint8Array.from(atob(data.content), (letter) => letter.charCodeAt(0));
  const address = URL.createObjectURL(new Blob([bytes], { type: data.mime }));
  Object.assign(document.createElement("a"), { href: address, download: data.name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 60000);
  setTriggerValue("saved", data.press);
}
"""
_mount = st.components.v2.component("lossnav_saving", html="<span></span>", js=_SCRIPT)
PRESSED, FILE = "save_pressed", "save_file"


def save_button(make: Callable[[], bytes], name: str, mime: str) -> None:
    """Save what `make` gives under `name`; where it cannot, say its sentence."""
    state = st.session_state
    # one place for both, of which the style sheet keeps the height: what grows and shrinks scrolls the panel, and a scroll
    # closes an open menu
    place = st.container(key="save_place")
    place.button("Save", key="save", type="primary", width="stretch", icon=":material/download:", on_click=_press)
    if state.get(PRESSED):
        try:
            with place, st.spinner("Making the file …"):
                content = base64.b64encode(make()).decode()
        except (InputError, OSError) as error:
            st.error(for_markdown(error), icon=":material/error:")
        else:
            state[FILE] = {"press": uuid.uuid4().hex, "content": content, "name": name, "mime": mime}
        state[PRESSED] = False
    if state.get(FILE):
        with st.container(key="saving"):
            _mount(key="saving_file", data=state[FILE], on_saved_change=_done)


def _press() -> None:
    st.session_state[PRESSED] = True


def _done() -> None:
    st.session_state[FILE] = None
