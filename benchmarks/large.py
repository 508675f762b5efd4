"""A landscape of 513 × 513 points with 20 readouts and more: how long the page takes to show it, and to answer.

    python -m benchmarks.large                 # opens it three times in a real Chromium
    python -m benchmarks.large --size 257

Its numbers are those of a survey of 9 × 9 points of a sample, with every readout, interpolated in between and stored as measured:
what is timed depends on how many there are, not on what they are. A time runs from asking for the address (the server is up, the
browser too) to both figures drawn and the page at rest; switching and picking, from the click to the same. Each visit has a browser
window of its own, in which Chromium is busy with pages of its own at first (1.5 s of a processor): `--rest 3` waits so many
seconds before asking.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from lossnav.core import Plane, load_problem
from lossnav.core.survey import LandscapeStore, MeasuredPoints, Specification, read_points, surveyed
from scipy.interpolate import RegularGridInterpolator

SIZE, COARSE = 513, 9
SURFACE, MAP = ".st-key-terrain3d .js-plotly-plot", ".st-key-terrain2d .js-plotly-plot"
FLAGS = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--disable-gpu", "--no-first-run"]
FLAGS += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
WAIT = 120_000  # milliseconds


def made(place: Path, size: int = SIZE, overlays: tuple[str, ...] = ("all",)) -> MeasuredPoints:
    """A stored landscape of `size` × `size` points at `place`."""
    problem = load_problem("gaussians-mlp")
    plane = Plane.random(problem)
    few = Specification(problem, plane, (COARSE, COARSE), overlays, "cpu")
    many = Specification(problem, plane, (size, size), overlays, "cpu")
    with tempfile.TemporaryDirectory() as folder:
        surveyed(few, Path(folder, "few.zarr"))
        coarse = read_points(Path(folder, "few.zarr"))
    found = _interpolated(coarse, many)
    store = LandscapeStore(place)
    with store.writing():
        store.open_or_create(found, many.as_json())
    return found


def _interpolated(coarse: MeasuredPoints, many: Specification) -> MeasuredPoints:
    plan, axes = many.plan, (coarse.plan.alpha, coarse.plan.beta)
    values = np.empty((len(plan.cells), len(coarse.columns)), coarse.values.dtype)
    for index, name in enumerate(coarse.columns):
        kind = "nearest" if name == "basin" else "linear"
        values[:, index] = RegularGridInterpolator(axes, coarse.plan.grid(coarse.values[:, index]), kind)(plan.points)
    done = np.repeat(coarse.done[:1], len(values), axis=0)
    return replace(coarse, plan=plan, values=values, done=done)


def timed(place: Path, rounds: int, rest: float = 0.0) -> dict[str, Any]:
    """Seconds of opening, switching and picking in a real browser, each `rounds` times."""
    from playwright.sync_api import sync_playwright

    chromium = next(p for p in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if p)
    log = place.with_suffix(".log")
    words = [sys.executable, "-m", "lossnav.explorer.cli", "explore", str(place), "--port", "8899"]
    own = {**os.environ, "XDG_CACHE_HOME": str(place.parent)}
    with log.open("w") as out, subprocess.Popen(words, stdout=out, stderr=out, env=own) as server:
        try:
            while not (found := re.search(r"http://\S+", log.read_text())):
                assert server.poll() is None, log.read_text()
                time.sleep(0.2)
            with sync_playwright() as driver:
                browser = driver.chromium.launch(executable_path=chromium, args=FLAGS)
                times = [_visited(browser, found[0], rest) for _ in range(rounds)]
                browser.close()
        finally:
            server.terminate()
            server.wait(30)
    named = {name: [each[name] for each in times] for name in times[0]}
    return {name: {"first": each[0], "median": statistics.median(each)} for name, each in named.items()}


def _visited(browser: Any, address: str, rest: float) -> dict[str, float]:
    """One visit by a browser that knows nothing yet."""
    context = browser.new_context(viewport={"width": 1280, "height": 720})
    page = context.new_page()
    time.sleep(rest)
    started = time.perf_counter()
    page.goto(address)
    _drawn(page)
    opening = time.perf_counter() - started
    before = page.evaluate(COLOURS, SURFACE)
    started = time.perf_counter()
    page.locator(".st-key-on_viscosity label").first.click()
    page.wait_for_function(f"([place, before]) => ({COLOURS})(place) !== before", arg=[SURFACE, before], timeout=WAIT)
    _drawn(page)
    switching = time.perf_counter() - started
    before = page.locator("dl.inspector").inner_text()
    box = page.locator(f"{MAP} .nsewdrag").first.bounding_box()
    started = time.perf_counter()
    page.mouse.click(box["x"] + 0.3 * box["width"], box["y"] + 0.7 * box["height"])
    page.wait_for_function(
        "before => document.querySelector('dl.inspector').innerText !== before", arg=before, timeout=WAIT
    )
    picking = time.perf_counter() - started
    context.close()
    return {"opening_s": opening, "switching_s": switching, "picking_s": picking}


COLOURS = "place => JSON.stringify(document.querySelector(place)._fullData[0].colorscale)"
AT_REST = "() => !document.querySelector(\"[data-testid='stStatusWidget']\") && !document.querySelector(\"[data-stale='true']\")"


def _drawn(page: Any) -> None:
    for place in (SURFACE, MAP):
        page.wait_for_selector(f"{place} .main-svg", timeout=WAIT, state="attached")
    page.wait_for_function(AT_REST, timeout=WAIT)


def main() -> None:
    """Make it, open it, print the times."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=SIZE)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--rest", type=float, default=0.0, help="seconds that a new window has before it is asked for the page"
    )
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        place = Path(folder, "large.zarr")
        points = made(place, asked.size)
        size = sum(f.stat().st_size for f in place.rglob("*") if f.is_file())
        about = {"size": asked.size, "readouts": len(points.overlays), "columns": len(points.columns), "bytes": size}
        about |= {"rest_s": asked.rest, "load_average": os.getloadavg()[0], "cores": os.cpu_count()}
        print(json.dumps({**about, **timed(place, asked.rounds, asked.rest)}, indent=1))


if __name__ == "__main__":
    main()
