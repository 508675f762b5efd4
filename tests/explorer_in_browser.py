"""What the tests with a real browser share: Chromium, a free port, the address that an explorer prints."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from playwright.sync_api import Browser, FloatRect, Locator, expect, sync_playwright

CHROMIUM = next((p for p in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if p), None)
FLAGS = [
    "--no-sandbox",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
SURFACE = ".st-key-terrain3d .js-plotly-plot"
MAP = ".st-key-terrain2d .js-plotly-plot"
WAIT = 180_000  # milliseconds; software rendering on a machine that shares its cores with ten others is slow, and nothing here measures time
expect.set_options(timeout=WAIT)  # else 5 seconds

# whether something was in one place for half a second, on a page that grows no more
RESTS = """found => {
  const { x, y, width, height } = found.getBoundingClientRect(), now = performance.now();
  const tall = [...document.querySelectorAll("[data-testid='stSidebarContent'], [data-testid='stMain']")].map(e => e.scrollHeight);
  const place = JSON.stringify([x, y, width, height, tall]);
  if (window.rested?.found !== found || window.rested.place !== place) window.rested = { found, place, since: now };
  return now - window.rested.since > 500;
}"""


def in_view(found: Locator) -> FloatRect:
    """Where something is, once it is in view and at rest: what unfolds around it can push it out of view again."""
    expect(found).to_be_visible()
    for _ in range(2):
        found.page.wait_for_function(RESTS, arg=found.element_handle(), timeout=WAIT)
        found.scroll_into_view_if_needed()
    box = found.bounding_box()
    assert box is not None
    return box


def free_port() -> int:
    """A port that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def address_in(log: Path, server: subprocess.Popen[bytes]) -> str:
    """The address that an explorer prints once it can be reached there; it ends in the token."""
    for _ in range(1500):
        assert server.poll() is None, log.read_text()
        if found := re.search(r"http://\S+", log.read_text()):
            return found[0]
        time.sleep(0.2)
    pytest.fail(f"The explorer did not start: {log.read_text()}")


def explorer_in(
    folder: Path,
    *arguments: str,
    started: Sequence[str] = ("-m", "lossnav.explorer.cli"),
    cwd: Path | None = None,
    **variables: str,
) -> Iterator[str]:
    """The address that the explorer prints, started as a person starts it; it ends in the token.

    folder     its cache and its log
    arguments  of `lossnav explore`
    started    how Python comes to the command
    cwd        the folder that it is started in
    variables  of its environment
    """
    command = [sys.executable, *started, "explore", *arguments, "--port", str(free_port())]
    own = {**os.environ, "XDG_CACHE_HOME": str(folder), **variables}
    with (folder / "log").open("w+") as log:
        server = subprocess.Popen(command, cwd=cwd, stdout=log, stderr=log, env=own)
        try:
            yield address_in(Path(log.name), server)
        finally:
            server.terminate()
            server.wait(timeout=WAIT / 1000)


def chromium_of() -> Iterator[Browser]:
    """Chromium, until it is no longer needed."""
    assert CHROMIUM, "Chromium is missing; `make test` installs it"
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()
