"""The explorer in a browser: from a key press to the turned plane's picture, and from a switch to the overlay's.

`python -m benchmarks.live [SAMPLE …]`, with playwright and Chromium (`make test` installs them). The server gets two threads and a
cache of its own. Times are the page's: from the event to the second frame after Plotly has the new picture, with software
WebGL. "Answer" is when the page has the picture's numbers; from there on it is the browser's work.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from lossnav.sample_models import NAMES, card
from playwright.sync_api import Page, sync_playwright

from .table import table

MOST_PARAMETERS = 100_000
THREADS = 2
PAUSES = random.Random(
    0
)  # milliseconds between presses: of one length they would all meet the same sharper picture, or all miss it
WAIT = 120_000  # milliseconds
FLAGS = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--disable-background-networking"]
SURFACE = ".st-key-terrain3d .js-plotly-plot"
SLIDER = ".st-key-turn input, .st-key-turn [role=slider]"
SWITCH = ".st-key-on_memory label"
CLOCK = """
() => {
  const react = window.Plotly.react;
  let turn, pressed, byKey;
  const start = (event) => { pressed = event.timeStamp; byKey = event.type === "keydown"; };
  for (const kind of ["keydown", "pointerdown"]) window.addEventListener(kind, start, true);
  window.times = [];
  window.Plotly.react = async function (node, data, layout, ...rest) {
    const answered = performance.now();
    const drawn = await react.call(this, node, data, layout, ...rest);
    if (!node.closest(".st-key-terrain3d")) return drawn;
    const before = turn;
    turn = layout.meta.plane.turn ?? 0;
    if (pressed === undefined || (byKey && turn === before)) return drawn;  // a sharper picture of what was there
    const since = pressed;
    pressed = undefined;
    requestAnimationFrame(() => requestAnimationFrame(() => {
      window.times.push([answered - since, performance.now() - since]);
    }));
    return drawn;
  };
}
"""


@contextmanager
def server() -> Iterator[str]:
    """The explorer's address while it runs."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as cache:
        environment = {**os.environ, "XDG_CACHE_HOME": cache, "OMP_NUM_THREADS": str(THREADS)}
        command = [sys.executable, "-m", "lossnav.explorer.cli", "explore", "--port", str(port)]
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            address = f"http://127.0.0.1:{port}"
            _wait_for(f"{address}/_stcore/health")
            yield address
        finally:
            process.terminate()
            process.wait(timeout=60)


def _wait_for(address: str) -> None:
    for _ in range(300):
        try:
            urllib.request.urlopen(address, timeout=2).close()
            return
        except OSError:
            time.sleep(0.2)
    raise SystemExit("The explorer did not start.")


def turns(page: Page, address: str, sample: str, count: int) -> list[list[float]]:
    """Milliseconds from each key press on the angle to the answer, and to the picture; everything is ready before the first."""
    _open(page, f"{address}/?model={sample}&live=true")
    page.locator("p.trust", has_text=re.compile("All [0-9,]+ examples")).wait_for(timeout=WAIT)
    page.locator(SLIDER).first.focus()
    return [_timed(page, lambda: page.keyboard.press("ArrowRight")) for _ in range(count + 1)][1:]


def switches(page: Page, address: str, sample: str, count: int) -> list[list[float]]:
    """The same from each press on an overlay's switch, on and off."""
    _open(page, f"{address}/?model={sample}")
    return [_timed(page, page.locator(SWITCH).first.click) for _ in range(count + 2)][2:]


def _open(page: Page, address: str) -> None:
    page.goto(address)
    page.wait_for_selector(f"{SURFACE} .main-svg", timeout=WAIT, state="attached")
    page.wait_for_timeout(2000)
    page.evaluate(CLOCK)


def _timed(page: Page, act: Callable[[], object]) -> list[float]:
    page.evaluate("() => { window.times = [] }")
    act()
    page.wait_for_function("() => window.times.length", timeout=WAIT)
    page.wait_for_timeout(PAUSES.uniform(300, 1500))
    found: list[float] = page.evaluate("() => window.times[0]")
    return found


def row(name: str, times: list[list[float]]) -> list[str]:
    """A line of a table: medians and the longest, in seconds."""
    answers, pictures = zip(*times, strict=True)
    shown = (statistics.median(answers), statistics.median(pictures), max(pictures))
    return [name, *(f"{milliseconds / 1000:.2f}" for milliseconds in shown)]


def main() -> None:
    """Print two tables: turning the plane, and switching an overlay."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("samples", nargs="*", default=[n for n in NAMES if card(n)["parameters"] <= MOST_PARAMETERS])
    parser.add_argument("--count", type=int, default=10, help="key presses, and switches, for each sample")
    asked = parser.parse_args()
    chromium = next((p for p in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if p), None)
    turned, switched = [], []
    before = os.getloadavg()[0]
    with server() as address, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=FLAGS)
        for sample in asked.samples:
            page = browser.new_page(viewport={"width": 1280, "height": 720})
            turned.append(row(sample, turns(page, address, sample, asked.count)))
            switched.append(row(sample, switches(page, address, sample, asked.count)))
            page.close()
        browser.close()
    head = ["answer", "picture", "longest"]
    print(f"Seconds, medians of {asked.count}; load {before:.1f} before, {os.getloadavg()[0]:.1f} after.\n")
    print(table(["turned by a key", *head], turned), end="\n\n")
    print(table(["overlay switched", *head], switched))


if __name__ == "__main__":
    main()
