"""A real browser: opens the explorer, switches every overlay, picks a point, turns the surface, saves a figure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from explorer_in_browser import MAP, SURFACE, WAIT, chromium_of, explorer_in, in_view
from lossnav.core import PROPERTIES
from playwright.sync_api import Browser, Page, Route, expect

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    yield from explorer_in(tmp_path_factory.mktemp("server"))


@pytest.fixture
def address(printed: str) -> str:
    """Without the token: a browser that was let in keeps it."""
    return printed.partition("/?")[0]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    yield from chromium_of()


@pytest.fixture(scope="module")
def opened(chromium: Browser, printed: str) -> Iterator[tuple[Page, str, list[str]]]:
    """The Terrain page, its address, and what went wrong on it in the console or reached for the network."""
    context = chromium.new_context(viewport={"width": 1280, "height": 720}, accept_downloads=True)
    context.set_default_timeout(WAIT)
    page, wrong, own = context.new_page(), list[str](), printed.partition("/?")[0]
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", lambda r: None if r.url.startswith((own, "ws:", "data:", "blob:")) else wrong.append(r.url))
    page.goto(f"{printed}&model=digits-resnet")
    drawn(page)
    plain = page.evaluate("location.href")
    assert "token" not in plain
    yield page, plain, wrong
    context.close()


@pytest.fixture
def page(opened: tuple[Page, str, list[str]]) -> Iterator[Page]:
    """The Terrain page with no overlay on and no point picked; at the end, nothing may have gone wrong on it."""
    page, plain, wrong = opened
    if page.evaluate("location.href") != plain:  # the address holds all that a person chose
        page.goto(plain)
        drawn(page)
    yield page
    found = wrong.copy()
    wrong.clear()
    assert found == []


def drawn(page: Page) -> None:
    """Wait until both figures are there and the page is at rest."""
    for place in (SURFACE, MAP):
        page.wait_for_selector(f"{place} .main-svg", timeout=WAIT, state="attached")
    page.wait_for_function("place => document.querySelector(place)._fullLayout?.scene?._scene", arg=SURFACE)
    rest(page)


def rest(page: Page) -> None:
    expect(page.locator("[data-testid='stStatusWidget']")).to_have_count(0, timeout=WAIT)
    expect(page.locator("[data-stale='true']")).to_have_count(0, timeout=WAIT)


def drawn_in(page: Page, place: str, trace: str) -> None:
    """Wait until a trace of that name is drawn there."""
    page.wait_for_function(
        "([place, name]) => document.querySelector(place)._fullData.some(t => t.name === name)", arg=[place, trace]
    )


COLORS = "place => JSON.stringify(document.querySelector(place)._fullData[0].colorscale)"


def switch(page: Page, name: str) -> None:
    """Switch an overlay; the surface then has other colours."""
    before = page.evaluate(COLORS, SURFACE)
    page.locator(f".st-key-on_{name} label").first.click()
    page.wait_for_function(f"([place, before]) => ({COLORS})(place) !== before", arg=[SURFACE, before])
    rest(page)


def inspected(page: Page) -> str:
    return page.locator("dl.inspector").inner_text()


@pytest.mark.parametrize("owner", [p.name for p in PROPERTIES])
def test_every_overlay_switches_on_and_off_or_says_why_not(page: Page, owner: str) -> None:
    box = page.locator(f".st-key-on_{owner} input")
    if box.is_disabled():
        page.locator(f".st-key-more_{owner} button:visible").first.click()
        expect(page.get_by_text("Unavailable:").first).to_be_visible(timeout=WAIT)
        page.keyboard.press("Escape")
        return
    plain = page.evaluate(COLORS, SURFACE)
    switch(page, owner)
    expect(page).to_have_url(re.compile(f"on_{owner}=true"))
    switch(page, owner)
    page.wait_for_function(f"([place, plain]) => ({COLORS})(place) === plain", arg=[SURFACE, plain])
    expect(page).not_to_have_url(re.compile(f"on_{owner}"))


def test_several_overlays_at_once_are_colour_and_lines(page: Page) -> None:
    switch(page, "probability")
    page.locator(".st-key-on_memory label").first.click()  # the colours stay
    for place in (MAP, SURFACE):
        drawn_in(page, place, "Occupation by the path")


def test_a_click_on_the_map_picks_the_point(page: Page) -> None:
    before = inspected(page)
    box = in_view(page.locator(f"{MAP} .nsewdrag"))
    page.mouse.click(box["x"] + 0.78 * box["width"], box["y"] + 0.25 * box["height"])
    page.wait_for_function(
        "before => document.querySelector('dl.inspector').innerText !== before", arg=before, timeout=WAIT
    )
    alpha, beta = (float(x.replace("−", "-")) for x in re.findall(r"[−\d.]+", inspected(page).split("Loss")[0])[-2:])
    assert alpha == pytest.approx(0.56, abs=0.06)
    assert beta == pytest.approx(0.5, abs=0.06)
    drawn_in(page, MAP, "picked point")


EYE = "place => document.querySelector(place)._fullLayout.scene._scene.getCamera().eye"


def test_switching_keeps_the_camera(page: Page) -> None:
    before = page.evaluate(EYE, SURFACE)
    box = in_view(page.locator(SURFACE))
    middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.move(*middle)
    page.mouse.down()
    page.mouse.move(middle[0] + 120, middle[1] + 30, steps=6)
    page.mouse.up()
    page.wait_for_function(f"([place, before]) => ({EYE})(place).x !== before.x", arg=[SURFACE, before])
    page.wait_for_function(
        f"""place => {{
          const eye = JSON.stringify(({EYE})(place)), now = performance.now();
          if (window.seen?.eye !== eye) window.seen = {{ eye, since: now }};
          return now - window.seen.since > 500;
        }}""",
        arg=SURFACE,
    )  # it turns no more
    turned = page.evaluate(EYE, SURFACE)
    switch(page, "perplexity")
    kept = page.evaluate(EYE, SURFACE)
    for axis in "xyz":
        assert kept[axis] == pytest.approx(turned[axis], abs=1e-3)


def test_keys_move_the_point_press_switches_and_back_undoes_each(page: Page) -> None:
    start = page.url
    page.locator("dl.inspector").click()  # the page has the keyboard
    page.keyboard.press("ArrowRight")
    page.wait_for_function("() => location.search.includes('point=0.04')", timeout=WAIT)
    page.keyboard.press("ArrowUp")
    page.wait_for_function("() => location.search.includes('point=0.04%2C0.04')", timeout=WAIT)
    rest(page)
    assert "0.04, 0.04" in inspected(page)
    page.keyboard.press("4")
    page.wait_for_function("() => location.search.includes('on_perplexity=true')", timeout=WAIT)
    rest(page)
    page.keyboard.press("?")
    expect(page.get_by_text("switch perplexity on or off")).to_be_visible()
    page.keyboard.press("Escape")
    shown = "said => document.querySelector('dl.inspector').innerText.includes(said)"
    for place in ("0.08, 0.04", "0.12, 0.04"):
        page.keyboard.press("ArrowRight")
        page.wait_for_function(shown, arg=place, timeout=WAIT)
        rest(page)
    assert "color=" not in page.url, "nobody chose one"
    for place in ("0.08, 0.04", "0.04, 0.04"):
        page.go_back()
        page.wait_for_function(shown, arg=place, timeout=WAIT)
        rest(page)
    page.go_back()
    expect(page.locator(".st-key-on_perplexity input")).not_to_be_checked(timeout=WAIT)
    rest(page)
    assert "0.04, 0.04" in inspected(page)
    page.go_back()
    page.wait_for_function(shown, arg="0.04, 0\n", timeout=WAIT)
    rest(page)
    page.go_back()
    page.wait_for_function("() => !document.querySelector('dl.inspector').innerText.includes('0.04')", timeout=WAIT)
    expect(page).to_have_url(start)
    page.go_forward()
    page.wait_for_function(shown, arg="0.04, 0\n", timeout=WAIT)


def test_a_look_around_is_there_for_who_asks(page: Page) -> None:
    card = page.get_by_role("dialog", name=re.compile("The terrain|The switches|The map|Export"))
    expect(card).to_have_count(0)
    start = page.get_by_role("button", name="Show me around")
    start.click()
    expect(card).to_contain_text("1 of 4")
    before = inspected(page)
    page.keyboard.press("ArrowRight")
    expect(card).to_contain_text("2 of 4")
    page.keyboard.press("ArrowLeft")
    expect(card).to_contain_text("1 of 4")
    for step in (2, 3, 4):
        page.keyboard.press("Enter")  # on "Next", which has the keyboard
        expect(card).to_contain_text(f"{step} of 4")
        box, frame = card.bounding_box(), page.locator(".st-key-tour .frame").bounding_box()
        assert box is not None
        assert frame is not None
        assert 0 <= box["x"] < box["x"] + box["width"] <= 1280
        assert 0 <= box["y"] < box["y"] + box["height"] <= 720
    page.keyboard.press("Escape")
    expect(card).to_have_count(0)
    expect(page.get_by_role("button", name="Tour", exact=True)).to_be_focused()
    assert page.evaluate("localStorage.getItem('lossnav-tour')") == "seen"
    assert inspected(page) == before, "its arrows move no point"


def test_keys_typed_into_a_field_do_nothing_else(page: Page) -> None:
    page.locator(".st-key-plane input").first.focus()
    page.keyboard.press("4")
    page.keyboard.press("?")
    page.wait_for_timeout(600)
    assert not page.get_by_text("switch perplexity on or off").is_visible()
    assert not page.locator(".st-key-on_perplexity input").is_checked()


def test_the_camera_is_in_the_address_and_survives_reload_and_other_pages(page: Page) -> None:
    box = in_view(page.locator(SURFACE))
    page.evaluate("place => { document.querySelector(place).stayed = true }", SURFACE)
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2 + 60, box["y"] + box["height"] / 2 + 10, steps=6)
    page.mouse.up()
    page.wait_for_function("() => location.search.includes('camera=')", timeout=WAIT)
    rest(page)
    assert page.evaluate("place => document.querySelector(place).stayed === true", SURFACE)
    turned = page.evaluate(EYE, SURFACE)
    page.reload()
    drawn(page)
    assert page.evaluate(EYE, SURFACE) == pytest.approx(turned, abs=2e-3)
    page.get_by_role("link", name="Vocabulary", exact=True).first.click()
    page.wait_for_function("() => location.pathname.includes('vocabulary')", timeout=WAIT)
    rest(page)
    page.get_by_role("link", name="Terrain", exact=True).first.click()
    page.wait_for_function("() => location.search.includes('camera=')", timeout=WAIT)
    drawn(page)
    assert page.evaluate(EYE, SURFACE) == pytest.approx(turned, abs=2e-3)


LENGTHS = (
    "places => places.flatMap(p => document.querySelector(p).data.filter(t => t.meta === 'path').map(t => t.x.length))"
)


def walked(page: Page, checkpoints: int) -> None:
    """Wait until the path is drawn to so many checkpoints on the surface and on the map, whose line has an outline."""
    page.wait_for_function(
        f"([places, n]) => String(({LENGTHS})(places)) === [n, n, n].join()", arg=[[SURFACE, MAP], checkpoints]
    )


def test_the_training_plays_and_the_step_is_in_the_address(page: Page, address: str) -> None:
    page.goto(f"{address}/?model=gaussians-mlp&plane=trajectory&step=3")
    drawn(page)
    walked(page, 4)
    slider, count = page.get_by_role("slider", name="Step", exact=True), 40
    spectrum = page.get_by_role("img", name=re.compile("^Spectrum at step"))
    expect(spectrum).to_have_accessible_name(re.compile("^Spectrum at step 0,"))
    page.get_by_role("button", name="Play the training").click()
    expect(slider).to_have_value(str(count - 1))  # at the end it rests
    expect(spectrum).to_have_accessible_name(re.compile("^Spectrum at step 1200, eigenvalue histogram: λₘₐₓ "))
    walked(page, count)
    page.wait_for_function("() => !location.search.includes('step=')", timeout=WAIT)
    expect(page.get_by_role("button", name="Play the training")).to_be_visible()
    rest(page)
    slider.press("ArrowLeft")
    page.wait_for_function("() => location.search.includes('step=1021')", timeout=WAIT)
    walked(page, count - 1)
    assert "point=" not in page.url, "the slider has its keys to itself"
    rest(page)
    switch(page, "viscosity")
    walked(page, count - 1)
    expect(page.get_by_role("group", name="The training, step by step")).to_contain_text("Sharpness λₘₐₓ")
    page.reload()
    drawn(page)
    walked(page, count - 1)
    expect(slider).to_have_attribute("aria-valuetext", re.compile("step 1021 of 1200: loss on the plane"))


def test_a_switch_changes_the_charts_in_place(page: Page) -> None:
    for place in (SURFACE, MAP):
        page.evaluate("place => { document.querySelector(place).stayed = true }", place)
    canvas = page.locator(f"{SURFACE} canvas").first.element_handle()
    switch(page, "perplexity")
    for place in (SURFACE, MAP):
        assert page.evaluate("place => document.querySelector(place).stayed === true", place)
    assert canvas is not None
    assert canvas.evaluate("canvas => canvas.isConnected")


HEIGHTS = (
    "place => document.querySelector(place)._fullData[0].z.reduce((s, row) => s + row.reduce((a, b) => a + b, 0), 0)"
)


def test_a_figure_that_the_server_no_longer_has_is_made_again(page: Page, opened: tuple[Page, str, list[str]]) -> None:
    refused: list[str] = []

    def once(route: Route) -> None:
        if route.request.url in refused:
            route.continue_()
        else:
            refused.append(route.request.url)
            route.fulfill(status=404)

    page.route("**/lossnav/figures/*", once)
    switch(page, "perplexity")  # colours that this page has not fetched yet
    page.unroute("**/lossnav/figures/*")
    assert len(set(refused)) == 2, "the surface and the map"
    _, _, wrong = opened
    assert all("404" in message for message in wrong)
    wrong.clear()


def test_the_terrain_follows_while_the_plane_is_turned(page: Page, address: str) -> None:
    page.goto(f"{address}/?model=gaussians-mlp&live=true&centre=20")
    page.locator(".st-key-turn_it button").click(timeout=WAIT)  # the address alone measures nothing
    drawn(page)
    # as fine as this machine has time for
    expect(page.get_by_text(re.compile(r"All 600 examples at (17|33|65)"))).to_be_visible(timeout=4 * WAIT)
    page.evaluate("place => { document.querySelector(place).stayed = true }", SURFACE)
    before = page.evaluate(HEIGHTS, SURFACE)
    page.locator(".st-key-turn input, .st-key-turn [role=slider]").first.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function(f"([place, before]) => ({HEIGHTS})(place) !== before", arg=[SURFACE, before], timeout=WAIT)
    assert page.evaluate("place => document.querySelector(place).stayed === true", SURFACE)
    page.wait_for_function("() => location.search.includes('turn=5')", timeout=WAIT)
    assert "centre=20" in page.url
    assert page.locator(".st-key-cancel").count() == 0, "no survey is started"


def test_figures_and_data_are_saved(page: Page, tmp_path: Path) -> None:
    page.get_by_text("Export", exact=True).click()
    save = page.locator(".st-key-save button:visible").first
    expect(save).to_be_visible(timeout=WAIT)
    plain = saved(page, save, tmp_path)
    assert plain.startswith(b"%PDF")
    page.get_by_text("3-D surface").click()
    surface = saved(page, save, tmp_path)  # at once, while the panel is being drawn anew
    assert surface.startswith(b"%PDF")
    assert surface != plain
    choose(page, "export_format", "CSV data")
    assert saved(page, save, tmp_path).startswith(b"alpha,beta")


def saved(page: Page, button, folder: Path) -> bytes:
    with page.expect_download(timeout=WAIT) as download:
        button.click()
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path.read_bytes()


def choose(page: Page, key: str, option: str) -> None:
    page.locator(f".st-key-{key} [data-testid='stSelectbox'] div[role], .st-key-{key} input").first.click()
    page.get_by_role("option", name=option).click()
    rest(page)


def test_the_pages_and_nothing_overflows(page: Page) -> None:
    for width, height in ((1280, 720), (1920, 1080)):
        page.set_viewport_size({"width": width, "height": height})
        for title in ("Models", "Vocabulary", "Terrain"):
            page.get_by_role("link", name=title, exact=True).first.click()
            page.wait_for_timeout(700)
            rest(page)
            page.wait_for_function("document.documentElement.scrollWidth <= window.innerWidth")
            assert page.locator("[data-testid='stException']").count() == 0
    drawn(page)
    last = page.locator("dl.inspector").bounding_box()
    assert last is not None
    assert last["y"] + last["height"] <= 1080, "the picked point's numbers are on the first screen"
    scene = in_view(page.locator(SURFACE))
    assert scene["height"] <= 0.74 * scene["width"], "a higher picture would cut the terrain at its sides"


def test_a_new_plane_is_computed_while_one_watches(page: Page, address: str) -> None:
    page.goto(f"{address}/?model=gaussians-mlp&seed=11&grid=25+%C3%97+25&effort=None")
    page.locator(".st-key-resume button").click(timeout=WAIT)
    drawn(page)
    expect(page.get_by_text("How far to trust this plane.")).to_be_visible(timeout=WAIT)
    expect(page.locator(".st-key-cancel")).to_have_count(0, timeout=4 * WAIT)
    assert page.evaluate("place => document.querySelector(place)._fullData[0].x.length", SURFACE) in (25, 51)
