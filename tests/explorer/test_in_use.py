"""What a person has in hand stays while the page around it is drawn anew: a menu, a text, a slider, a panel that was scrolled.

A survey runs, and whatever it adds has the page drawn anew, twice a second. Nothing here is tried twice.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from explorer_in_browser import MAP, SURFACE, WAIT, chromium_of, explorer_in, in_view
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

pytestmark = pytest.mark.browser

# Each point takes a while, once there is a first picture, and the terrain is so rough that none is left out: the survey outlasts
# the tests, and every single point is a better picture.
SLOW = """
import itertools
import time
import torch
from lossnav.core import Problem

calls = itertools.count()

class Slow(torch.nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.layers = torch.nn.Sequential(torch.nn.Linear(2, 8), torch.nn.Tanh(), torch.nn.Linear(8, 3))

    def forward(self, inputs):
        time.sleep(0.05 if next(calls) < 300 else 1.0)
        if not bool(torch.isfinite(self.layers[0].weight).all()):  # a choice by value: no way has many points in one pass
            return inputs.new_zeros(len(inputs), 3)
        return self.layers(inputs) * (2 + torch.sin(1000 * self.layers[0].weight.sum()))

inputs = torch.randn(60, 2, generator=torch.Generator().manual_seed(0))
problem = Problem(Slow(), inputs, (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long())
"""
# An explorer that has the page drawn anew for every single point, and notes how often it was.
SERVER = """
import os
import lossnav.explorer.landscapes as landscapes
from lossnav.explorer.cli import main

best = landscapes.best

def counted(request):
    with open(os.environ["RUNS"], "a") as runs:
        runs.write(".")
    return best(request)

landscapes.REDRAWN, landscapes.best = 1000, counted
main()
"""
DRAWN_AGAIN = 2  # times, while a person holds something


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with a letter for each time that the page was drawn."""
    return tmp_path_factory.mktemp("runs") / "runs"


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory, runs: Path) -> Iterator[str]:
    """The address of an explorer of the slow network."""
    folder = tmp_path_factory.mktemp("server")
    network = folder / "slow.py"
    network.write_text(SLOW)
    yield from explorer_in(folder, str(network), started=("-c", SERVER), RUNS=str(runs))


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    yield from chromium_of()


@pytest.fixture(scope="module")
def running(context: BrowserContext, printed: str) -> str:
    """The address of a survey that was started, and outlasts all tests here."""
    address = f"{printed}&grid=51+%C3%97+51&effort=None"
    page = context.new_page()
    page.goto(address)
    page.locator(".st-key-resume button").click(timeout=WAIT)
    expect(page.locator(".st-key-cancel")).to_be_visible(timeout=WAIT)
    page.close()
    return address


@pytest.fixture(scope="module")
def context(chromium: Browser) -> Iterator[BrowserContext]:
    """A browser that has the page's scripts, once it has shown it."""
    context = chromium.new_context(viewport={"width": 1280, "height": 720}, accept_downloads=True)
    context.set_default_timeout(WAIT)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext, running: str) -> Iterator[Page]:
    """The page of the survey that runs, at its first picture."""
    page = context.new_page()
    page.goto(running)
    for place in (SURFACE, MAP):
        page.wait_for_selector(f"{place} .main-svg", timeout=4 * WAIT, state="attached")
    yield page
    page.close()


@pytest.fixture
def drawn_again(page: Page, runs: Path) -> Callable[[], None]:
    """Wait until the page was drawn anew a few times more, and the browser had time to see it."""

    def wait() -> None:
        expect(page.locator(".st-key-cancel")).to_be_visible()  # the survey still runs
        wanted, deadline = runs.stat().st_size + DRAWN_AGAIN + 1, time.monotonic() + 4 * WAIT / 1000
        while runs.stat().st_size < wanted:
            assert time.monotonic() < deadline, "the survey adds nothing"
            page.wait_for_timeout(100)
        page.wait_for_timeout(500)

    return wait


def opened(page: Page, title: str, inside: str) -> Locator:
    """Something in a panel of the sidebar that is opened, in view and at rest."""
    page.get_by_text(title, exact=True).first.click()
    found = page.locator(inside).first
    in_view(found)  # the panel unfolds
    return found


@pytest.mark.parametrize(
    ("title", "key", "option"), [("Plane and grid", "normalize", "layer"), ("Export", "export_format", "SVG")]
)
def test_an_open_menu_stays_open(
    page: Page, drawn_again: Callable[[], None], title: str, key: str, option: str
) -> None:
    opened(page, title, f".st-key-{key} input").click()
    options = page.get_by_role("option")
    expect(options.first).to_be_visible()
    page.evaluate("document.querySelector('[role=option]').stayed = true")
    drawn_again()
    assert page.evaluate("document.querySelector('[role=option]')?.stayed === true")
    if key == "export_format":  # the other would have another survey shown
        page.get_by_role("option", name=option).click()
        expect(page.locator(f".st-key-{key} input")).to_have_value(option)
    else:
        page.keyboard.press("Escape")


@pytest.mark.parametrize(("title", "key"), [("Plane and grid", "seed"), ("Height and terrain", "low_terrain")])
def test_a_text_being_typed_stays(page: Page, drawn_again: Callable[[], None], title: str, key: str) -> None:
    box = opened(page, title, f".st-key-{key} input")
    box.click()
    box.press("End")
    before = box.input_value()
    for letter in "12":
        page.keyboard.type(letter)
        drawn_again()
    assert box.input_value() == f"{before}12"
    assert box.evaluate("box => box === document.activeElement")
    box.fill(before)


@pytest.mark.parametrize("key", ["turn", "grid"])
def test_a_slider_in_hand_stays_in_hand(page: Page, drawn_again: Callable[[], None], key: str) -> None:
    # all of it in view, the thumb below its value
    slider = opened(page, "Plane and grid", f".st-key-{key} [data-testid='stSlider']")
    box = in_view(slider.locator("[data-testid='stSliderThumbValue']").locator(".."))
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] - 4
    shown = page.locator(f".st-key-{key} [data-testid='stSliderThumbValue']")
    first = shown.inner_text()
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 40, y, steps=4)
    expect(shown).not_to_have_text(first, timeout=WAIT)
    held = shown.inner_text()
    drawn_again()
    assert shown.inner_text() == held
    page.mouse.move(x + 100, y, steps=4)  # two of the wider steps from where it began
    expect(shown).not_to_have_text(held, timeout=WAIT)  # it still follows the hand
    page.mouse.move(x, y, steps=4)
    expect(shown).to_have_text(first, timeout=WAIT)
    page.mouse.up()


@pytest.mark.parametrize("panel", ["popover", "sidebar"])
def test_a_scrolled_panel_stays_where_it_is(page: Page, drawn_again: Callable[[], None], panel: str) -> None:
    if panel == "popover":
        page.locator(".st-key-more_probability button:visible").first.click()
        place = "[data-testid='stPopoverBody']"
        expect(page.get_by_text("What we compute").first).to_be_visible(timeout=WAIT)
    else:
        opened(page, "Plane and grid", ".st-key-seed input")
        opened(page, "Export", ".st-key-save button")
        place = "[data-testid='stSidebarContent']"
    page.wait_for_function(
        "place => { const it = document.querySelector(place); return it.scrollHeight - it.clientHeight > 90; }",
        arg=place,
    )
    page.locator(place).first.evaluate("panel => { panel.scrollTop = 90; panel.stayed = true }")
    assert page.locator(place).first.evaluate("panel => panel.scrollTop") == 90
    drawn_again()
    assert page.locator(place).first.evaluate("panel => [panel.scrollTop, panel.stayed]") == [90, True]
    page.keyboard.press("Escape")


def test_saving_a_file_moves_nothing_in_its_panel(page: Page, drawn_again: Callable[[], None]) -> None:
    save = opened(page, "Export", ".st-key-save button")
    page.evaluate(
        """() => { window.heights = new Set();
        setInterval(() => heights.add(document.querySelector("[data-testid='stSidebarContent']").scrollHeight), 10) }"""
    )
    with page.expect_download(timeout=WAIT):
        save.click()
    drawn_again()
    heights = page.evaluate("[...heights]")
    assert len(heights) == 1, heights
