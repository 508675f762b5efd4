"""The chart that stays: what the page hands to it, and where its library comes from."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import lossnav.explorer
import plotly
import pytest
import xarray as xr
from charts import charts_of, text_of
from lossnav.explorer.drawing_library import WHOLE
from lossnav.explorer.export import Export, exported
from lossnav.explorer.panels.legend import interpolation_texts
from lossnav.explorer.state import Drawing, View
from lossnav.explorer.summaries.adaptive import adaptive_text
from lossnav.explorer.summaries.facts import facts
from streamlit.testing.v1 import AppTest

PANELS = Path(lossnav.explorer.__path__[0]) / "panels"
APP = str(Path(lossnav.explorer.__path__[0]) / "app.py")


@pytest.fixture
def app() -> AppTest:
    return AppTest.from_file(APP, default_timeout=120).run()


def given(app: AppTest) -> dict[str, dict]:
    """What each chart is given, by name."""
    found = [json.loads(chart.proto.json) | {"figure": text_of(chart)} for chart in charts_of(app)]
    return {data["name"]: data for data in found}


def test_both_charts_have_a_figure_and_words_for_those_who_cannot_see_it(app: AppTest) -> None:
    data = given(app)
    assert set(data) == {"surface", "map2d"}
    for chart in data.values():
        assert len(chart["alt"]) > 10
        assert {"data", "layout"} <= set(json.loads(chart["figure"]))
    assert data["map2d"]["picks"]
    assert not data["surface"]["picks"]


def test_numbers_travel_as_typed_arrays(app: AppTest) -> None:
    surface = json.loads(given(app)["surface"]["figure"])["data"][0]
    assert set(surface["z"]) == {"dtype", "bdata", "shape"}


def test_a_chart_is_the_same_element_whatever_it_shows(app: AppTest) -> None:
    before = [c.proto.id for c in charts_of(app)]
    app.toggle(key="on_probability").set_value(True).run()
    assert [c.proto.id for c in charts_of(app)] == before


def test_the_library_is_that_of_the_installed_package(app: AppTest) -> None:
    address = given(app)["surface"]["library"]
    assert address == f"/lossnav/plotly-{plotly.__version__}.min.js"
    assert WHOLE.stat().st_size > 10**6


def test_the_script_is_shipped() -> None:
    project = Path(__file__).resolve().parents[2] / "pyproject.toml"
    shipped = tomllib.loads(project.read_text(encoding="utf-8"))["tool"]["setuptools"]["package-data"]
    assert set(shipped["lossnav.explorer.panels"]) == {path.name for path in PANELS.glob("*.js")}


@pytest.fixture
def adaptive(land: xr.Dataset) -> xr.Dataset:
    said = {"tolerance": 0.01, "forward": {"measured": 97, "of": 221, "error": 0.006}}
    return land.assign_attrs(adaptive=json.dumps(said))


def test_the_legend_says_of_each_overlay_how_wrong_it_may_be(adaptive: xr.Dataset) -> None:
    said = json.loads(adaptive.attrs["adaptive"])
    said["curvature"] = {"measured": 25, "of": 221, "error": 0.4, "errors": {"coupling": 0.4, "viscosity": 0.09}}
    here = adaptive.assign_attrs(adaptive=json.dumps(said))
    both = {name: Drawing(name) for name in ("coupling", "viscosity")}
    assert interpolation_texts(here, View(Drawing("loss"), both, "viscosity").picture(here)) == [
        "Sharpness λₘₐₓ: 25 of 221 points, largest error 9 %",
        "Coupling coefficient κ: 25 of 221 points, largest error 40 %",
    ]
    assert interpolation_texts(here, View(Drawing("loss")).picture(here)) == []
    assert interpolation_texts(adaptive, View(Drawing("loss"), both, "viscosity").picture(adaptive)) == []


def test_an_adaptive_landscape_says_what_was_measured(land: xr.Dataset, adaptive: xr.Dataset) -> None:
    sentence = "97 of 221 points measured, largest error 0.6 %"
    assert sentence in facts(adaptive)
    assert adaptive_text(land) == ""
    complete = {"tolerance": 0.01, "forward": {"measured": 221, "of": 221, "error": 0.0}}
    assert adaptive_text(land.assign_attrs(adaptive=json.dumps(complete))) == ""
    picture = View(Drawing("loss")).picture(adaptive)
    for file_format in ("svg", "png", "html"):
        content = exported(adaptive, picture, Export("map", file_format, "single"))
        assert sentence.encode() in content, file_format
        assert sentence.encode() not in exported(land, picture, Export("map", file_format, "single"))
