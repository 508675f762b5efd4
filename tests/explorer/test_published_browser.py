"""A published page in a real Chromium with the network cut off: its switches, its map, its numbers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from explorer_in_browser import in_view
from lossnav.core import PROPERTIES
from lossnav.explorer.figures.shared.picture import value_text
from lossnav.explorer.figures.web.map2d import map_figure
from lossnav.explorer.figures.web.surface3d import surface_figure
from lossnav.explorer.published import published_page
from lossnav.explorer.state import Drawing, View
from lossnav.explorer.summaries.film import frames
from playwright.sync_api import Browser, Page, expect
from published_pages import WAIT, chromium, shown

pytestmark = pytest.mark.browser

TRACES = """() => document.querySelector('.surface').data.map(t => ({
  type: t.type, name: t.name, range: t.cmin === undefined ? null : [t.cmin, t.cmax],
  z: t.type === 'surface' ? t.z.map(r => Array.from(r)) : null,
  color: t.surfacecolor ? t.surfacecolor.map(r => Array.from(r)) : null}))"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def named(land: xr.Dataset) -> xr.Dataset:
    return land.assign_attrs(name="</script><script>alert(1)</script><img src=x onerror=alert(2)>")


@pytest.fixture(scope="module")
def opened(browser: Browser, named: xr.Dataset, tmp_path_factory: pytest.TempPathFactory) -> tuple[Page, list[str]]:
    file = tmp_path_factory.mktemp("page") / "page.html"
    file.write_text(published_page([named]), encoding="utf-8")
    return shown(browser, file)


def _values(page: Page) -> dict[str, str]:
    """Readout → what "All readouts" says of it."""
    rows = "es => es.map(e => [e.dataset.readout, e.querySelector('dd').firstChild.textContent])"
    return dict(page.locator("details [data-readout]").evaluate_all(rows))


def test_markup_in_a_name_is_text(opened: tuple[Page, list[str]], named: xr.Dataset) -> None:
    page, trouble = opened
    assert page.locator("h1").text_content() == named.attrs["name"]
    assert page.locator("img").count() == 0
    assert trouble == []


def test_every_point_says_what_the_landscape_says(opened: tuple[Page, list[str]], named: xr.Dataset) -> None:
    """Three keys from the centre: every readout with its error, as text."""
    page, _ = opened
    page.locator(".map").focus()
    row, column = (int(np.abs(named[d].values).argmin()) for d in ("alpha", "beta"))
    for key, step in (("ArrowRight", (1, 0)), ("ArrowUp", (0, 1)), ("ArrowUp", (0, 1))):
        page.keyboard.press(key)
        row, column = row + step[0], column + step[1]
        said = _values(page)
        assert len(said) > 30
        truth = {name: value_text(named, name, (row, column)) for name in said}
        assert {n: (said[n], truth[n]) for n in said if said[n] != truth[n]} == {}


def test_a_click_on_the_map_picks_the_point_under_it(opened: tuple[Page, list[str]], named: xr.Dataset) -> None:
    page, trouble = opened
    ring = page.locator(".map circle[data-name='picked point']")
    box = in_view(page.locator(".map"))
    page.mouse.click(box["x"] + 0.7 * box["width"], box["y"] + 0.3 * box["height"])
    x, y = (float(ring.get_attribute(name) or "nan") for name in ("cx", "cy"))
    cell = [(box["width"] - 54) / 16 / 2 + 1, (box["height"] - 44) / 12 / 2 + 1]
    assert abs(x - 0.7 * box["width"]) <= cell[0]
    assert abs(y - 0.3 * box["height"]) <= cell[1]
    assert trouble == []


def test_every_switch_draws_what_the_explorer_draws(opened: tuple[Page, list[str]], named: xr.Dataset) -> None:
    page, trouble = opened
    for owner in PROPERTIES:
        switch = page.locator(f"[data-switch={owner.name}]")
        if switch.is_disabled():
            continue
        switch.click()
        expect(switch).to_have_attribute("aria-checked", "true")
        variable = page.locator(f"[data-select={owner.name}]").input_value()
        picture = View(Drawing("loss"), {owner.name: Drawing(variable)}, owner.name).picture(named)
        page.wait_for_function(
            "v => { const t = document.querySelector('.surface').data[0]; return Math.abs(t.cmin - v[0]) + Math.abs(t.cmax - v[1]) < 1e-5 * (1 + Math.abs(v[0]) + Math.abs(v[1])); }",
            arg=[float(v) for v in _limits(named, picture)],
            timeout=WAIT,
        )
        drawn, truth = page.evaluate(TRACES), surface_figure(named, picture)
        np.testing.assert_allclose(
            np.array(drawn[0]["z"], float), np.array(truth.data[0].z, float), rtol=1e-5, atol=1e-6
        )
        theirs = np.array(truth.data[0].surfacecolor, float)
        np.testing.assert_allclose(np.array(drawn[0]["color"], float), theirs, rtol=1e-5, atol=1e-5)
        # a published map writes no numbers on its lines
        alone = {"colour", "outline", "picked point", "values of the lines"}
        there = {t.name for t in map_figure(named, picture).data} - alone
        mine = set(page.locator(".map [data-name]").evaluate_all("es => es.map(e => e.dataset.name)"))
        assert len(mine - {"", "picked point"}) == len({n for n in there if not n.endswith("outline")}), (mine, there)
        switch.click()
        expect(switch).to_have_attribute("aria-checked", "false")
    assert trouble == []


def _limits(land: xr.Dataset, picture) -> tuple[float, float]:
    from lossnav.explorer.figures.shared.picture import color_limits

    return color_limits(land, picture.color)


def test_a_card_tells_what_a_property_means(opened: tuple[Page, list[str]]) -> None:
    page, _ = opened
    page.locator("[data-about=viscosity]").click()
    dialog = page.locator("dialog")
    expect(dialog).to_contain_text("What is computed")
    assert dialog.locator("svg[aria-label]").count() >= 1
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)


VISCOSITY = next(p for p in PROPERTIES if p.name == "viscosity")
PATHS = """() => document.querySelector('.surface').data.filter(t => t.meta).map(t => Array.from(t.x))"""


def test_the_training_plays_without_a_server(opened: tuple[Page, list[str]], named: xr.Dataset) -> None:
    """Its slider says what the explorer's says, and cuts the path there; playing ends at the end."""
    page, trouble = opened
    path, said = named["path_alpha"].values, frames(named)
    training, slider = page.get_by_role("group", name="The training, step by step"), page.locator(".training input")
    slider.press("Home")
    for _ in range(3):
        slider.press("ArrowRight")
    expect(training.locator(".step")).to_have_text(f"step {said[3].step} of {said[-1].step}")
    expect(training.locator(".says")).to_have_text("".join(f"{name} {value}" for name, value in said[3].says))
    page.wait_for_function(f"() => ({PATHS})()[0].length === 4")
    line, end = page.evaluate(PATHS)
    np.testing.assert_allclose([*line, *end], [*path[:4], path[3]], rtol=1e-6, atol=1e-6)
    expect(page.locator(".map [data-name='step shown']")).to_have_count(1)
    page.get_by_role("button", name="Play the training").click()
    expect(slider).to_have_value(str(len(path) - 1))
    page.wait_for_function(f"() => ({PATHS})()[0].length === {len(path)}")
    expect(page.get_by_role("button", name="Play the training")).to_be_visible()
    assert trouble == []


def test_the_training_reads_what_is_switched_on(opened: tuple[Page, list[str]], named: xr.Dataset) -> None:
    page, _ = opened
    page.locator("[data-switch=viscosity]").click()
    (name, value), *_ = frames(named, [VISCOSITY.first_drawn(named.lossnav.facts.get("viscosity", {}))])[-1].readouts
    expect(page.locator(".training .says")).to_contain_text(f"{name} {value}")
    page.locator("[data-switch=viscosity]").click()


def test_turned_together_on_a_dark_page(browser: Browser, land: xr.Dataset, tmp_path: Path) -> None:
    file = tmp_path / "two.html"
    file.write_text(published_page([land, land.assign_attrs(name="other")], title="Two"), encoding="utf-8")
    page, trouble = shown(browser, file, "dark")
    assert page.locator(".surface").count() == 2
    page.evaluate(
        "() => Plotly.relayout(document.querySelectorAll('.surface')[0], {'scene.camera': {eye: {x: 2, y: 0.5, z: 1}, center: {x: 0, y: 0, z: 0}, up: {x: 0, y: 0, z: 1}}})"
    )
    page.wait_for_function("() => document.querySelectorAll('.surface')[1].layout.scene.camera.eye.x === 2")
    page.evaluate(
        "() => { window.turns = 0; document.querySelector('.surface').on('plotly_relayout', () => { turns++; }); }"
    )
    page.wait_for_timeout(1500)
    assert page.evaluate("() => window.turns") <= 1  # they do not turn each other on and on
    assert page.evaluate("() => getComputedStyle(document.body).backgroundColor") == "rgb(16, 22, 23)"
    assert trouble == []
