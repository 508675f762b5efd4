"""A real browser on a folder: a file that is saved while the page is open appears; on Compare, one is turned and all turn."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from explorer_in_browser import WAIT, chromium_of, explorer_in, in_view
from playwright.sync_api import Browser, Page, Route, expect

pytestmark = pytest.mark.browser
MINE = "raise SystemExit('it ran')\ndef problem(): ...\n"
# where two scenes are seen from; each finds its eye from angles, with its own last digits
EYES = """() => [0, 1].map((k) => {
  const scene = document.querySelector(`.st-key-compare_${k} .js-plotly-plot`)?._fullLayout?.scene?._scene;
  const eye = scene?.getCamera().eye;
  return eye ? [eye.x, eye.y, eye.z] : [NaN, NaN, NaN];
})"""
AWAY = "((one, other) => one.some((part, k) => Math.abs(part - other[k]) > 1e-2))"
NEAR = "((one, other) => one.every((part, k) => Math.abs(part - other[k]) < 1e-4))"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("work")


@pytest.fixture(scope="module")
def printed(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an explorer that was started in the folder."""
    yield from explorer_in(tmp_path_factory.mktemp("server"), cwd=folder)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    yield from chromium_of()


@pytest.fixture
def page(chromium: Browser, printed: str) -> Iterator[Page]:
    """Let in; at the end nothing may have gone wrong in the page."""
    context = chromium.new_context(viewport={"width": 1280, "height": 720})
    context.set_default_timeout(WAIT)
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(printed)
    yield page
    context.close()
    assert wrong == []


def test_a_file_that_is_saved_while_the_page_is_open_appears_and_does_not_run(page: Page, folder: Path) -> None:
    expect(page.locator(".st-key-model input")).to_be_visible()
    page.locator(".st-key-model input").click()
    (folder / "mine.py").write_text(MINE)
    page.get_by_role("option", name="mine.py").click()  # in the menu that is open all the while
    expect(page.get_by_text("has not run")).to_be_visible(timeout=WAIT)
    page.locator(".st-key-test_network button").click()
    expect(page.get_by_test_id("stAlert").first).to_contain_text(
        "mine.py", timeout=WAIT
    )  # now it ran, and that is said


def test_one_surface_is_turned_and_all_turn(page: Page, printed: str) -> None:
    page.goto(printed.partition("/?")[0] + "/compare")
    for k in (0, 1):
        page.wait_for_selector(f".st-key-compare_{k} .main-svg", timeout=WAIT, state="attached")
    page.wait_for_function(f"() => {NEAR}(...({EYES})())")
    first = page.evaluate(EYES)[0]
    box = in_view(page.locator(".st-key-compare_0 .js-plotly-plot"))
    x, y = box["x"] + 0.6 * box["width"], box["y"] + 0.5 * box["height"]
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 80, y + 15, steps=5)
    page.mouse.up()
    page.wait_for_function(
        f"before => {{ const [a, b] = ({EYES})(); return !{NEAR}(a, before) && {NEAR}(a, b); }}", arg=first
    )


def test_a_surface_that_is_drawn_late_looks_from_where_the_other_was_turned(page: Page, printed: str) -> None:
    late, seen = list[Route](), list[str]()

    def second_waits(route: Route) -> None:
        seen.append(route.request.url)
        if len(seen) == 2:
            late.append(route)
        else:
            route.continue_()

    page.route("**/lossnav/figures/*", second_waits)
    page.goto(printed.partition("/?")[0] + "/compare")
    drawn = page.locator("[class*='st-key-compare_'] .js-plotly-plot:has(.main-svg)").first
    box, first = in_view(drawn), page.evaluate(EYES)
    x, y = box["x"] + 0.6 * box["width"], box["y"] + 0.5 * box["height"]
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 80, y + 15, steps=5)
    page.mouse.up()
    page.wait_for_function(f"([before]) => ({EYES})().some((eye, k) => eye[0] && {AWAY}(eye, before[k]))", arg=[first])
    late[0].continue_()
    page.wait_for_function(f"() => {{ const [a, b] = ({EYES})(); return {NEAR}(a, b); }}")
