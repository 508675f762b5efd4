"""In a real browser: another training is asked for on the Terrain page, drawn on a press, kept in the address and removed."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from explorer_in_browser import MAP, SURFACE, WAIT, chromium_of, explorer_in
from playwright.sync_api import Browser, Page, expect

pytestmark = pytest.mark.browser
OWN, OTHER = "digits-small-batch", "digits-large-batch"
SHOWN = """([place, name]) => {
  const trace = document.querySelector(place)?._fullData?.find(t => t.name === name);
  return trace ? [trace.x.length, Array.from(trace.x).every(Number.isFinite)] : null;
}"""


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    yield from explorer_in(tmp_path_factory.mktemp("server"))


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    yield from chromium_of()


@pytest.fixture
def page(chromium: Browser, printed: str) -> Iterator[Page]:
    page = chromium.new_page(viewport={"width": 1280, "height": 720}, color_scheme="dark")
    page.set_default_timeout(WAIT)
    wrong: list[str] = []
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    page.goto(f"{printed}&model={OWN}&plane=trajectory")
    for place in (SURFACE, MAP):
        page.wait_for_selector(f"{place} .main-svg", state="attached")
    yield page
    page.close()
    assert wrong == []


def test_another_training_is_chosen_drawn_and_removed(page: Page) -> None:
    menu = page.get_by_role("combobox", name="Other trainings")
    menu.click()
    page.get_by_role("option", name=OTHER).click()
    expect(page).to_have_url(re.compile(f"trainings={OTHER}"))
    press = page.locator(".st-key-resume_paths button")
    expect(press).to_be_visible()
    assert page.evaluate(SHOWN, [MAP, f"{OTHER}, projection"]) is None  # nothing runs before a press
    press.click()
    for place in (SURFACE, MAP):
        page.wait_for_function(SHOWN, arg=[place, f"{OTHER}, projection"])
        count, inside = page.evaluate(SHOWN, [place, f"{OTHER}, projection"])
        assert count > 10
        assert inside
    expect(page.get_by_text("its own loss")).to_be_visible()
    page.reload()
    page.wait_for_function(SHOWN, arg=[MAP, f"own loss of {OTHER}"])
    page.get_by_role("button", name=f"Remove {OTHER}").click()
    page.wait_for_function(f"arg => !({SHOWN})(arg)", arg=[MAP, f"{OTHER}, projection"])
    expect(page).not_to_have_url(re.compile("trainings="))
