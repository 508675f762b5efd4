"""What browsers get of plotly.js: what is left out is used by nothing that stays, and what is drawn is the same."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lossnav.explorer
import pytest
from explorer_in_browser import chromium_of
from lossnav.explorer.drawing_library import KINDS, PARTS, WHOLE, drawing_library, reduced
from playwright.sync_api import Browser
from plotly_parts import parts_of

FOLDER = Path(lossnav.explorer.__path__[0])
OTHER_THAN_TRACES = {"Figure", "Frame", "Layout"}


def test_what_is_left_out_is_what_the_installed_plotly_can_be_without() -> None:
    known = json.loads(PARTS.read_text(encoding="utf-8"))
    found = parts_of(WHOLE.read_bytes())
    assert known == json.loads(json.dumps(found)), "python tests/plotly_parts.py writes it anew"
    assert len(drawing_library()) < 0.6 * WHOLE.stat().st_size


def test_another_plotly_is_sent_whole() -> None:
    known = json.loads(PARTS.read_text(encoding="utf-8"))
    other = WHOLE.read_bytes() + b"\n"
    assert reduced(other, known) == other


def test_every_kind_of_trace_that_the_pages_draw_stays() -> None:
    texts = [path.read_text(encoding="utf-8") for path in FOLDER.rglob("*.py")]
    drawn = {name for text in texts for name in re.findall(r"\bgo\.([A-Z]\w+)", text)} - OTHER_THAN_TRACES
    assert {name.lower() for name in drawn} <= {*KINDS, "scatter"}


SQUARE = [[0, 1, 2], [2, 4, 1], [3, 0, 2]]
FIGURES: dict[str, list[dict[str, Any]]] = {
    "scatter": [
        {"x": [1, 2, 3], "y": [3, 1, 2], "error_y": {"array": [1, 1, 1]}, "fill": "tozeroy", "text": ["a", "b", "c"]}
    ],
    "bar": [{"type": "bar", "x": ["a", "b"], "y": [1, 2]}],
    "contour": [{"type": "contour", "z": SQUARE, "contours": {"showlabels": True}}],
    "heatmap": [{"type": "heatmap", "z": SQUARE, "colorbar": {"title": {"text": "loss"}}}],
    "scatter3d": [
        {"type": "scatter3d", "x": [0, 1], "y": [0, 1], "z": [0, 1], "mode": "lines+markers+text", "text": "a"}
    ],
    "scattergl": [{"type": "scattergl", "x": [1, 2, 3], "y": [3, 1, 2], "mode": "markers"}],
    "surface": [{"type": "surface", "z": SQUARE}],
}
DRAW = """async figure => {
  const node = document.body.appendChild(document.createElement("div"));
  await Plotly.newPlot(node, figure.map((trace, k) => ({ ...trace, uid: `t${k}` })), { width: 400, height: 300, annotations: [{ text: "note", x: 1, y: 1 }] }, {});
  await Plotly.relayout(node, { dragmode: "pan" });
  const drawn = [...node.querySelectorAll(".main-svg")].map(svg => svg.outerHTML).join("");
  const image = (await Plotly.toImage(node, { format: "png" }));
  Plotly.purge(node);
  node.remove();
  return [drawn.replace(/(clip|g|defs-|topdefs-|legend)[0-9a-f]{6}/g, "$1"), image];
}"""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    yield from chromium_of()


def drawn_by(script: bytes, chromium: Browser) -> dict[str, list[str]]:
    """Each figure as this plotly.js draws it: its marks, and its picture."""
    page = chromium.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.set_content("<!doctype html><html><body></body></html>")
    page.add_script_tag(content=script.decode())
    drawn = {kind: page.evaluate(DRAW, figure) for kind, figure in FIGURES.items()}
    assert wrong == []
    page.close()
    return drawn


@pytest.mark.browser
def test_every_kind_is_drawn_as_by_the_whole_of_it(chromium: Browser) -> None:
    assert set(FIGURES) == {*KINDS, "scatter"}
    whole, part = (drawn_by(script, chromium) for script in (WHOLE.read_bytes(), drawing_library()))
    for kind in FIGURES:
        assert len(part[kind][1]) > 1000, kind
        assert part[kind] == whole[kind], kind
