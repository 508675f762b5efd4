"""Published pages in a browser without a network."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from explorer_in_browser import CHROMIUM, FLAGS
from playwright.sync_api import Browser, Page, sync_playwright

WAIT = 120_000  # milliseconds; software rendering on a busy machine is slow, and nothing here measures time


@contextmanager
def chromium() -> Iterator[Browser]:
    assert CHROMIUM, "Chromium is missing; `make test` installs it"
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


def shown(
    browser: Browser, file: Path, scheme: str = "light", size: tuple[int, int] = (1280, 720)
) -> tuple[Page, list[str]]:
    """The page, ready, without a network; and what it asked for or complained of, which should stay empty."""
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        color_scheme=scheme,
        offline=True,  # type: ignore[arg-type]
    )
    page, trouble = context.new_page(), []
    page.set_default_timeout(WAIT)
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.on("console", lambda message: trouble.append(message.text) if message.type == "error" else None)
    page.on("dialog", lambda dialog: (trouble.append(dialog.message), dialog.dismiss()))
    page.on(
        "request",
        lambda asked: None if asked.url.startswith(("file:", "blob:", "data:")) else trouble.append(asked.url),
    )
    page.goto(file.as_uri())
    page.wait_for_selector("body[data-ready=yes]")
    return page, trouble
