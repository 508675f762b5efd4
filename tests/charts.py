"""The charts of a page under AppTest: of its components those that draw a figure."""

from __future__ import annotations

from typing import Any

from streamlit.testing.v1 import AppTest


def charts_of(app: AppTest) -> list[Any]:
    """Their elements, as they stand on the page; the keyboard and what makes Back undo are components too, without a figure."""
    return [each for each in app.get("bidi_component") if '"figure"' in each.proto.json]
