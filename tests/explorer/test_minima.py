"""Minima on the page and in the command: what is marked, counted, and left out."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import lossnav.explorer
import lossnav.sample_models
import numpy as np
import pytest
import xarray as xr
from lossnav.core import Settings
from lossnav.core.formats import convert
from lossnav.explorer.cli import app
from lossnav.explorer.figures.web.map2d import map_figure
from lossnav.explorer.figures.web.surface3d import surface_figure
from lossnav.explorer.landscapes import best
from lossnav.explorer.request.survey import SurveyRequest
from lossnav.explorer.state import Drawing, View
from lossnav.explorer.summaries.minima import minima_of, stated_error
from streamlit.testing.v1 import AppTest
from typer.testing import CliRunner

pytest.importorskip("gudhi")
APP = str(Path(lossnav.explorer.__path__[0]) / "app.py")


def wells(noise: float = 0.0) -> xr.Dataset:
    """Two wells, 1 deep between and 0.2 apart in height."""
    a, b = np.linspace(-1.5, 1.5, 31), np.linspace(-1, 1, 21)
    x, y = np.meshgrid(a, b, indexing="ij")
    values = (x**2 - 1) ** 2 + y**2 + 0.1 * x + noise * np.random.default_rng(0).uniform(-1, 1, x.shape)
    loss = (("alpha", "beta"), values, {"long_name": "Loss", "units": "nats"})
    return xr.Dataset({"loss": loss}, {"alpha": a, "beta": b})


def test_the_stated_error_is_the_largest_of_all() -> None:
    land = wells()
    assert stated_error(land) == pytest.approx(64 * 2.0**-23 * float(np.abs(land["loss"]).max()))
    land["loss_se"] = land["loss"] * 0 + 0.01
    land["loss_error"] = land["loss"] * 0 + 0.03
    assert stated_error(land) == pytest.approx(0.03)
    half = wells().assign_attrs(spec=json.dumps({"dtype": "bfloat16"}))
    assert stated_error(half) > 1e3 * stated_error(wells())


def test_what_the_error_can_have_made_is_not_counted() -> None:
    noisy = wells(0.05)
    assert len(minima_of(noisy, 0.0)) > 2
    noisy["loss_error"] = noisy["loss"] * 0 + 0.05
    assert len(minima_of(noisy, 0.0)) == 2
    assert len(minima_of(noisy, 1.5)) == 1


def test_marks_stand_where_the_minima_are(land: xr.Dataset) -> None:
    places = ((float(land["alpha"][3]), float(land["beta"][4])), (float(land["alpha"][8]), float(land["beta"][2])))
    picture = View(Drawing("loss"), minima=places).picture(land)
    surface, flat = surface_figure(land, picture), map_figure(land, picture)
    (marks,) = (t for t in surface.data if t.name == "minimum")
    assert list(zip(marks.x, marks.y, strict=True)) == list(places)
    assert [(t.x[0], t.y[0]) for t in flat.data if t.name == "minimum"] == list(places)


def test_the_page_counts_them_where_it_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    page = AppTest.from_file(APP, default_timeout=120).run()

    def facts() -> str:
        return next(e.proto.body for e in page.get("html") if "class='facts'" in e.proto.body)

    assert not re.search("minim(a|um)", facts())
    page.toggle(key="minima").set_value(True).run()
    assert not page.exception
    source = best(SurveyRequest("gaussians-mlp"))
    assert source is not None
    count = len(minima_of(source.landscape(Settings()), 0.0))
    word = "minimum" if count == 1 else "minima"
    assert f"{count} {word}" in facts()
    assert any("deeper than" in caption.value for caption in page.caption)
    monkeypatch.setitem(sys.modules, "gudhi", None)
    page.run()
    assert not page.exception
    assert any("pip install gudhi" in caption.value for caption in page.caption)


def test_the_command_lists_them(tmp_path: Path) -> None:
    path = tmp_path / "land.nc"
    shipped = next((Path(lossnav.sample_models.__path__[0]) / "landscapes").glob("gaussians-mlp.random*"))
    convert(shipped, path)
    found = CliRunner().invoke(app, ["minima", str(path)], catch_exceptions=False)
    assert found.exit_code == 0, found.output
    assert "deeper than" in found.output
    assert "lowest" in found.output
