"""The charts of a page under AppTest: of its components those that draw a figure."""

from __future__ import annotations

import json
from typing import Any

from lossnav.explorer.delivered import figure_at
from streamlit.testing.v1 import AppTest


def charts_of(app: AppTest) -> list[Any]:
    """Their elements, as they stand on the page; the keyboard and what makes Back undo are components too, without a figure."""
    return [each for each in app.get("bidi_component") if '"figure"' in each.proto.json]


def text_of(chart: Any) -> str:
    """The JSON text of a chart's figure, as the browser fetches it."""
    text = figure_at(json.loads(chart.proto.json)["figure"])
    assert text is not None, "the server no longer has it"
    return text


def figures_of(app: AppTest) -> list[dict[str, Any]]:
    """The figures of a page."""
    return [json.loads(text_of(chart)) for chart in charts_of(app)]
