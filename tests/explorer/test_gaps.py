"""Where a landscape has no number because nothing was measured, it says so: on the page, along the path, in a published file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from lossnav.explorer.figures.shared.picture import gap_text, value_text
from lossnav.explorer.published import published_page
from lossnav.explorer.summaries.film import frames
from playwright.sync_api import Browser
from published_pages import chromium, shown

HOLE = (5, 6)


@pytest.fixture
def sparse(land: xr.Dataset) -> xr.Dataset:
    """Every fourth point measured, as an adaptive survey holds it, and one measured where the loss is not finite."""
    rows, columns = np.meshgrid(np.arange(17), np.arange(13), indexing="ij")
    measured = (rows % 2 == 0) & (columns % 2 == 0)
    measured[HOLE] = True
    floats = {n: v for n, v in land.data_vars.items() if v.dims == land["loss"].dims and v.dtype.kind == "f"}
    numbers = {name: values.where(measured) for name, values in floats.items()}
    loss = numbers["loss"].where((rows != HOLE[0]) | (columns != HOLE[1]))
    raw = land.assign(numbers | {"loss": loss, "measured": (land["loss"].dims, measured)})
    raw.attrs = {name: value for name, value in raw.attrs.items() if name != "fidelity"}
    return raw


def test_what_was_not_measured_is_told_from_what_is_not_finite(sparse: xr.Dataset) -> None:
    assert value_text(sparse, "loss", (1, 1)) == "not measured"
    assert value_text(sparse, "loss", HOLE) == "not finite"
    assert value_text(sparse, "loss", (0, 0)) not in ("not measured", "not finite")
    axes = [sparse[name].values for name in ("alpha", "beta")]
    assert gap_text(sparse, "loss", (axes[0][1], axes[1][1])) == "not measured"
    everywhere = sparse.assign(measured=xr.ones_like(sparse["measured"]))
    assert gap_text(everywhere, "loss", (axes[0][5], axes[1][6])) == "not finite"


def test_the_path_says_so_too(sparse: xr.Dataset) -> None:
    said = [dict(frame.says) for frame in frames(sparse, ["perplexity"])]
    assert {each["loss on the plane"] for each in said} == {"not measured"}
    assert all("not finite" not in " ".join(each.values()) for each in said)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.mark.browser
def test_a_published_page_says_what_the_explorer_says(sparse: xr.Dataset, browser: Browser, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(published_page([sparse]), encoding="utf-8")
    page, trouble = shown(browser, tmp_path / "page.html")
    page.locator("[data-switch=perplexity]").click()
    page.locator(".map").focus()
    for key in ("ArrowRight", "ArrowUp"):
        page.keyboard.press(key)
    text = str(page.locator("body").inner_text())
    assert "≈ not finite" not in text
    assert "not measured" in str(page.locator(".right").inner_text())
    assert "not measured" in str(page.locator(".training").inner_text())
    assert trouble == []
