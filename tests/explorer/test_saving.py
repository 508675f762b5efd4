"""The Save button: a press is kept until the browser has the file."""

from __future__ import annotations

import base64
import json

import pytest
from lossnav.explorer.panels import saving
from streamlit.testing.v1 import AppTest

# A page that saves, and counts how often the file is made; it fails where it is told to.
PAGE = """
import streamlit as st
from lossnav.core import InputError
from lossnav.explorer.panels.saving import save_button

def make():
    st.session_state["made"] = st.session_state.get("made", 0) + 1
    if st.session_state.get("fails"):
        raise InputError("Nothing to draw.")
    return b"abc"

if __name__ == "__main__":  # processes that later tests start look into this file too
    save_button(make, "a.txt", "text/plain")
"""


@pytest.fixture
def app() -> AppTest:
    return AppTest.from_string(PAGE).run()


def handed(app: AppTest) -> list[dict]:
    """What the browser is given to save."""
    return [json.loads(component.proto.json) for component in app.get("bidi_component")]


def test_a_press_is_kept_through_later_turns_of_the_page(app: AppTest) -> None:
    assert handed(app) == []
    app.button(key="save").click().run()
    (file,) = handed(app)
    assert base64.b64decode(file["content"]) == b"abc"
    assert (file["name"], file["mime"]) == ("a.txt", "text/plain")
    app.run()
    assert handed(app) == [file]
    assert app.session_state["made"] == 1
    app.button(key="save").click().run()
    assert handed(app)[0]["press"] != file["press"]


def test_a_press_that_a_turn_cut_short_is_served_by_the_next(app: AppTest) -> None:
    app.session_state[saving.PRESSED] = True  # as the press left it, when the page began anew before the file was made
    app.run()
    assert len(handed(app)) == 1


def test_a_file_that_cannot_be_made_says_why_and_is_not_tried_again(app: AppTest) -> None:
    app.session_state["fails"] = True
    app.button(key="save").click().run()
    assert [box.value for box in app.error] == ["Nothing to draw."]
    app.run()
    assert app.session_state["made"] == 1
    assert handed(app) == []
