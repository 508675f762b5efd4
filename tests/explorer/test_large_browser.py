"""A landscape of many points and readouts in a real browser: it opens, switches and answers a click."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from explorer_in_browser import MAP, SURFACE, WAIT, address_in, chromium_of, free_port, in_view
from lossnav.core.survey import read_points
from playwright.sync_api import Browser, expect

from benchmarks.large import made

pytestmark = [pytest.mark.browser, pytest.mark.slow]
SIZE = 513
REFINED = """place => Object.values(document.querySelector(place)._fullLayout.scene._scene.traces)
  .filter(trace => trace.data.type === "surface").map(trace => [trace.dataScaleX, trace.dataScaleY])"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("large") / "large.zarr"
    made(place, SIZE, ("slope", "viscosity", "elasticity", "perplexity"))
    return place


@pytest.fixture(scope="module")
def address(place: Path) -> Iterator[str]:
    log, port = place.with_suffix(".log"), free_port()
    words = [sys.executable, "-m", "lossnav.explorer.cli", "explore", str(place), "--port", str(port)]
    own = {**os.environ, "XDG_CACHE_HOME": str(place.parent)}
    with log.open("w") as out, subprocess.Popen(words, stdout=out, stderr=out, env=own) as server:
        yield address_in(log, server)
        server.terminate()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    yield from chromium_of()


def test_it_is_what_was_asked_for(place: Path) -> None:
    points = read_points(place)
    assert points.made == points.planned == SIZE**2 * len(points.used)
    assert len(points.overlays) >= 10


def test_it_opens_switches_and_answers_a_click(chromium: Browser, address: str) -> None:
    page = chromium.new_page(viewport={"width": 1280, "height": 720})
    page.set_default_timeout(2 * WAIT)
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    sent: list[int] = []
    page.on("websocket", lambda socket: socket.on("framereceived", lambda data: sent.append(len(data))))
    page.goto(address)
    for figure in (SURFACE, MAP):
        page.wait_for_selector(f"{figure} .main-svg", timeout=2 * WAIT, state="attached")
    drawn = page.evaluate("place => document.querySelector(place)._fullData[0].x.length", SURFACE)
    assert 100 < drawn < SIZE  # decimated for the picture
    refined = page.evaluate(REFINED, SURFACE)
    assert refined, "a surface"
    assert set(map(tuple, refined)) == {(1, 1)}, "plotly.js was kept from refining it"
    expect(page.locator("[data-testid='stException']")).to_have_count(0)
    colors = "place => JSON.stringify(document.querySelector(place)._fullData[0].colorscale)"
    plain = page.evaluate(colors, SURFACE)
    page.locator(".st-key-on_viscosity label").first.click()
    page.wait_for_function(f"([place, plain]) => ({colors})(place) !== plain", arg=[SURFACE, plain])
    expect(page.locator("[data-testid='stStatusWidget']")).to_have_count(0, timeout=WAIT)
    said = page.locator("dl.inspector")
    before = said.inner_text(timeout=WAIT)
    sent.clear()
    box = in_view(page.locator(f"{MAP} .nsewdrag").first)
    page.mouse.click(box["x"] + 0.3 * box["width"], box["y"] + 0.7 * box["height"])
    changed = "before => document.querySelector('dl.inspector').innerText !== before"
    page.wait_for_function(changed, arg=before, timeout=WAIT)
    assert 0 < sum(sent) < 200_000, "bytes: no figure is sent again, whose text has more than a million"
    assert wrong == []
    page.close()
