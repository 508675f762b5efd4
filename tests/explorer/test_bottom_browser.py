"""In a real browser: the panels beside the map open over the picture, compute on a press, and move nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from explorer_in_browser import MAP, SURFACE, WAIT, chromium_of, explorer_in, in_view
from playwright.sync_api import Browser, BrowserContext, Page, expect

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    yield from explorer_in(tmp_path_factory.mktemp("server"))


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    yield from chromium_of()


@pytest.fixture(scope="module")
def context(chromium: Browser) -> Iterator[BrowserContext]:
    """A browser that has the page's scripts, once it has shown it."""
    context = chromium.new_context(viewport={"width": 1280, "height": 720})
    context.set_default_timeout(WAIT)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext, printed: str) -> Iterator[Page]:
    page = context.new_page()
    wrong: list[str] = []
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    page.goto(f"{printed}&model=gaussians-mlp")
    for place in (SURFACE, MAP):
        page.wait_for_selector(f"{place} .main-svg", timeout=WAIT, state="attached")
    expect(page.locator("[data-testid='stStatusWidget']")).to_have_count(0, timeout=WAIT)
    yield page
    page.close()
    assert wrong == []


def drawn_in(page: Page, place: str, trace: str) -> None:
    """Wait until a trace of that name is drawn there."""
    page.wait_for_function(
        "([place, name]) => document.querySelector(place)?._fullData?.some(t => t.name === name)", arg=[place, trace]
    )


def place_of(page: Page) -> list[float]:
    """Where the surface stands on the page, however far that is scrolled."""
    return page.evaluate(
        "place => { const b = document.querySelector(place).getBoundingClientRect(), m = document.querySelector"
        "(\"[data-testid='stMain']\"); return [b.x, b.y + m.scrollTop, b.width, b.height]; }",
        SURFACE,
    )


def test_inspect_shows_what_the_network_says_over_the_picture(page: Page) -> None:
    before = place_of(page)
    page.locator(".st-key-inside button").first.click()
    table = page.locator("table.answers")
    expect(table).to_be_visible(timeout=2 * WAIT)
    assert table.locator("tbody tr").count() == 6
    assert place_of(page) == before
    body = page.locator("[data-testid='stPopoverBody']:has(.st-key-inside_body)")
    box = body.bounding_box()
    assert box is not None
    assert box["x"] + box["width"] <= 1280
    page.get_by_role("radio", name="Spectrum").or_(page.get_by_text("Spectrum", exact=True)).last.click()
    expect(page.locator(".st-key-resume_spectrum button")).to_be_visible(timeout=WAIT)  # nothing before a press
    page.locator(".st-key-resume_spectrum button").click()
    expect(page.locator(".st-key-inside_spectrum .js-plotly-plot")).to_be_visible(timeout=2 * WAIT)
    expect(page.get_by_text("every eigenvalue, exact")).to_be_visible(timeout=WAIT)


def test_a_walk_is_drawn_kept_in_the_address_and_removed(page: Page) -> None:
    page.locator(".st-key-walk button").first.click()
    page.locator(".st-key-walk_start button").click(timeout=WAIT)
    remove = page.locator(".st-key-walk_remove_0 button")
    expect(remove).to_be_visible(timeout=2 * WAIT)
    expect(page.locator(".st-key-walk_losses .js-plotly-plot")).to_be_visible(timeout=WAIT)
    for place in (SURFACE, MAP):
        drawn_in(page, place, "1 SGD, seed 0, projection")
    expect(page).to_have_url(re.compile("walks=sgd"))
    page.locator(".st-key-resume_basins button").click(timeout=WAIT)
    expect(page.locator(".walk_ends")).to_contain_text("one basin", timeout=2 * WAIT)
    page.reload()
    page.wait_for_selector(f"{SURFACE} .main-svg", timeout=WAIT, state="attached")
    drawn_in(page, SURFACE, "1 SGD, seed 0, projection")
    page.locator(".st-key-walk button").first.click()
    remove.click(timeout=WAIT)
    expect(remove).to_have_count(0, timeout=WAIT)
    page.wait_for_function("() => !location.search.includes('walks')", timeout=WAIT)
    page.wait_for_function(
        "p => !document.querySelector(p)._fullData.some(t => (t.name || '').includes('SGD'))", arg=MAP, timeout=WAIT
    )


def test_a_profile_runs_to_a_clicked_point_and_is_measured_on_a_press(page: Page) -> None:
    before = place_of(page)
    page.locator(".st-key-profile button").first.click()
    box = page.locator(".st-key-profile_c input")
    box.fill("0.75", timeout=WAIT)
    box.press("Enter")
    page.wait_for_function("() => location.search.includes('line=')", timeout=WAIT)
    page.locator(".st-key-resume_profile button").click(timeout=WAIT)
    expect(page.locator(".profile_said")).to_contain_text("barrier", timeout=2 * WAIT)
    expect(page.locator(".st-key-profile_figure .js-plotly-plot")).to_be_visible(timeout=WAIT)
    drawn_in(page, MAP, "profile")
    assert place_of(page) == before
    page.locator(".st-key-profile_off button").click(timeout=WAIT)
    page.wait_for_function("() => !location.search.includes('line=')", timeout=WAIT)


def test_a_line_that_is_dragged_over_the_map_is_the_profiles(page: Page) -> None:
    point = page.locator("dl.inspector").inner_text(timeout=WAIT)
    box = in_view(page.locator(f"{MAP} .nsewdrag").first)
    at = [
        (box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in ((0.25, 0.75), (0.5, 0.5), (0.75, 0.25))
    ]
    page.mouse.move(*at[0])
    page.mouse.down()
    page.mouse.move(*at[1], steps=3)
    expect(page.locator(f"{MAP} svg line")).to_have_count(2)  # it is seen while it is dragged
    page.mouse.move(*at[2], steps=3)
    page.mouse.up()
    drawn_in(page, MAP, "profile")
    for key, end in zip("abcd", (-0.5, -0.5, 0.5, 0.5), strict=True):  # the plane spans −1 to 1
        field = f".st-key-profile_{key} input"  # the page fills in one after another
        page.wait_for_function(
            "([field, end]) => Math.abs(parseFloat(document.querySelector(field).value) - end) < 0.02",
            arg=[field, end],
            timeout=WAIT,
        )
    assert page.locator(f"{MAP} svg line").count() == 0
    assert page.locator("dl.inspector").inner_text() == point, "dragging is no click"
    expect(page.locator(".st-key-resume_profile button")).to_be_visible(timeout=WAIT)  # not measured before a press
