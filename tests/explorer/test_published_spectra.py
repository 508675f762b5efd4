"""Spectra on a published page: of the very network, with the numbers of the spectrum itself, drawn without a network."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from lossnav.core import InputError, Problem, load_problem, spectrum
from lossnav.core.problem import problem_digest
from lossnav.core.spectrum import read_along, read_spectrum, write_spectrum
from lossnav.explorer.cli import app
from lossnav.explorer.figures.shared.scales import format_value
from lossnav.explorer.figures.web.spectrum import Axes, shares_in_bins
from lossnav.explorer.published import published_page
from lossnav.explorer.published.spectra import histogram
from lossnav.explorer.request.shipped import result_of
from lossnav.explorer.request.spectra_at_hand import NetworkSpectra, spectra_in, spectra_of
from lossnav.explorer.request.spectrum import AlongRequest, SpectrumRequest
from playwright.sync_api import Browser, expect
from published_pages import chromium, shown
from typer.testing import CliRunner

SMALL = "gaussians-mlp"


def content(page: str) -> Any:
    found = re.search(r"<script type='application/json' id='content'>(.*?)</script>", page, re.S)
    assert found
    return json.loads(found[1])["landscapes"][0]


def test_a_sample_s_landscape_has_what_came_with_the_sample(land: xr.Dataset) -> None:
    shipped, along = result_of(SpectrumRequest(SMALL)), result_of(AlongRequest(SMALL))
    assert shipped
    assert along
    found = spectra_of(land)
    assert found.trained is not None
    assert found.along is not None
    np.testing.assert_array_equal(found.trained.top, read_spectrum(shipped)[0].top)
    assert found.along.steps == read_along(along).steps


def test_another_network_of_the_same_name_has_none(land: xr.Dataset) -> None:
    other = land.copy()
    other.attrs = dict(land.attrs.items())
    other.lossnav.problem = land.lossnav.problem | {"weights": "0" * 64}
    assert spectra_of(other) == NetworkSpectra()
    assert "spectrum" not in content(published_page([other]))


def test_bars_and_numbers_are_the_spectrum_s() -> None:
    """The logarithm of each bar's share, as the page draws heights, and what it says, against the spectrum of the samples' network."""
    true = spectrum(load_problem(SMALL), top=5)
    drawn = histogram(true, "nats")
    axes = Axes.of([true])
    shares = shares_in_bins(true, axes.scale, axes.edges)
    there = shares >= axes.lowest
    heights = np.array(drawn["bars"], float)
    slope, foot = np.polyfit(np.log10(shares[there]), heights[there], 1)
    np.testing.assert_allclose(heights[there], slope * np.log10(shares[there]) + foot, atol=1.0)  # whole numbers
    assert not heights[~there].any()
    for height, text in drawn["shares"]:  # decades lie on the same line
        assert (
            abs(slope * np.log10(float(text.replace("1×10⁻⁴", "1e-4").replace("1×10⁻⁵", "1e-5"))) + foot - height) < 1
        )
    said = dict(drawn["says"])
    assert said["λₘₐₓ"] == format_value(np.linalg.eigvalsh(np.diag(true.eigenvalues))[-1])
    assert said["trace"] == format_value(float((true.eigenvalues * true.weights).sum()) * true.parameter_count)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.mark.browser
@pytest.mark.parametrize(("scheme", "size"), [("light", (1280, 720)), ("dark", (1920, 1080))])
def test_it_is_drawn_without_a_network(
    land: xr.Dataset, browser: Browser, tmp_path: Path, scheme: str, size: tuple[int, int]
) -> None:
    """The panel's numbers, and the spectrum that moves beside the slider: of the last checkpoint at or before the step shown."""
    found = spectra_of(land)
    assert found.trained
    assert found.along
    (tmp_path / "page.html").write_text(published_page([land]), encoding="utf-8")
    assert (tmp_path / "page.html").stat().st_size < 5_000_000
    page, trouble = shown(browser, tmp_path / "page.html", scheme, size)
    panel = page.locator("section.spectrum")
    expect(panel).to_contain_text(format_value(found.trained.top[0]))
    expect(panel).to_contain_text(format_value(found.trained.trace))
    assert panel.locator(".bulk").get_attribute("d")
    slider, moving = page.locator(".training input"), page.locator(".training .moving")
    for key, k in (("Home", 0), ("End", -1)):
        slider.press(key)
        expect(moving).to_contain_text(f"Spectrum at step {found.along.steps[k]}")
        expect(moving).to_contain_text(format_value(found.along.spectra[k].top[0]))
    boxes = [each.bounding_box() for each in (moving, page.locator(".training .says"))]
    assert all(boxes)
    first, second = (box for box in boxes if box)
    assert second["x"] + second["width"] <= first["x"] + 1  # beside each other, nothing over anything
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    assert trouble == []


def test_a_measured_one_is_found_and_another_network_s_is_refused(
    land: xr.Dataset, own_cache: Path, tmp_path: Path
) -> None:
    problem = load_problem(SMALL)
    other = Problem(problem.model, problem.inputs, problem.targets.flip(0), loss="cross_entropy", name=SMALL)
    true, look = spectrum(problem, top=15), spectrum(problem, top=3)  # of a look, outliers cannot be counted
    kept = own_cache / "lossnav" / "spectra" / "mine-hessian-1.json"
    kept.parent.mkdir(parents=True)
    write_spectrum(true, kept, {"problem": problem_digest(problem)})
    write_spectrum(look, kept.with_name("look-hessian-3.json"), {"problem": problem_digest(problem)})
    (kept.parent / "broken-hessian-2.json").write_text("no JSON")
    found = spectra_of(land)
    assert found.trained is not None
    assert len(found.trained.top) == 15
    write_spectrum(true, tmp_path / "of_another.json", {"problem": problem_digest(other)})
    with pytest.raises(InputError, match="of another network"):
        spectra_in(tmp_path / "of_another.json", land)
    assert spectra_in(kept, land).trained is not None


def test_the_command_takes_a_file_of_one(land: xr.Dataset, tmp_path: Path) -> None:
    true = spectrum(load_problem(SMALL), top=3)
    write_spectrum(true, tmp_path / "mine.json", {"name": "whose problem it does not say"})
    bare = land.copy()
    bare.attrs = {name: value for name, value in land.attrs.items() if name != "problem"}
    bare.to_netcdf(tmp_path / "mine.nc")
    words = ["publish", str(tmp_path / "mine.nc"), "-o", str(tmp_path / "mine.html")]
    for more in ([], ["--spectrum", str(tmp_path / "mine.json")]):
        run = CliRunner().invoke(app, [*words, *more])
        assert run.exit_code == 0, run.output
        assert ("spectrum" in content((tmp_path / "mine.html").read_text(encoding="utf-8"))) == bool(more)
