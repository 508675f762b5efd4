"""A problem's own metrics, its test data and its regulariser on the page, in print and in a published file."""

from __future__ import annotations

import json
import re
from pathlib import Path

import cases
import pytest
from charts import figures_of
from lossnav.core import Plane, Problem, read_landscape, survey
from lossnav.core.formats.convert import write_netcdf
from lossnav.explorer import cli
from lossnav.explorer.panels.inspector import inspected
from lossnav.explorer.published import published_page
from lossnav.explorer.server import LANDSCAPE_VARIABLE
from lossnav.explorer.summaries.facts import facts
from lossnav.explorer.workspace import FOLDER_VARIABLE
from streamlit.testing.v1 import AppTest
from typer.testing import CliRunner

APP = str(Path(cli.__file__).parent / "app.py")
TITLES = {
    "loss": "Loss",
    "accuracy": "Accuracy",
    "error": "Error",
    "test_loss": "Test loss",
    "test_accuracy": "Test accuracy",
    "gap": "Generalisation gap",
    "data_loss": "Loss without regulariser",
    "penalty": "Regulariser",
    "top2": "top2",
    "test_top2": "Test top2",
    "gap_top2": "Gap of top2",
}


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A landscape with all of them, as a store and as a NetCDF file."""
    folder = tmp_path_factory.mktemp("heights")
    inputs, targets = cases.normal(30, 3), cases.labels(30, classes=4)
    problem = Problem(
        cases.initialised(cases.mlp(), 1),
        inputs[:12],
        targets[:12],
        weight_decay=0.1,
        test=(inputs[12:], targets[12:]),
        metrics={"top2": lambda z, y: (z.topk(2).indices == y[:, None]).any(1), "never": lambda z, y: 1 / 0},
    )
    land = survey(problem, Plane.random(problem), (7, 6), store=folder / "land.zarr")
    write_netcdf(land, folder / "land.nc")
    return folder


@pytest.mark.parametrize("kind", ["land.zarr", "land.nc"])
def test_the_page_offers_them_as_heights_and_colours_by_names_for_people(
    kind: str, stored: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(LANDSCAPE_VARIABLE, str(stored / kind))
    app = AppTest.from_file(APP, default_timeout=120).run()
    assert not app.exception
    assert app.selectbox(key="height").options == list(TITLES.values())
    assert app.selectbox(key="terrain_color").options == ["as the height", *TITLES.values()]
    table = next(box.proto.body for box in app.get("html") if "Readouts at the picked point" in box.proto.body)
    assert all(f"<dt>{name}</dt>" in table for name in ("Test loss", "Generalisation gap", "top2"))
    app.selectbox(key="height").set_value("top2")
    app.selectbox(key="terrain_color").set_value("gap").run()
    assert not app.exception
    surface = next(figure for figure in figures_of(app) if figure["data"][0]["type"] == "surface")
    assert "Generalisation gap" in surface["data"][0]["colorbar"]["title"]["text"]
    flat = next(figure for figure in figures_of(app) if figure["data"][0]["type"] == "heatmap")
    assert "top2" in json.dumps(flat["data"])


def test_a_link_names_the_colour_as_it_names_the_height(stored: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(LANDSCAPE_VARIABLE, str(stored / "land.zarr"))
    app = AppTest.from_file(APP, default_timeout=120)
    app.query_params["height"], app.query_params["terrain_color"] = "test_loss", "gap"
    app.run()
    assert not app.exception
    assert (app.selectbox(key="height").value, app.selectbox(key="terrain_color").value) == ("test_loss", "gap")


def test_facts_inspector_and_reasons_tell_of_them(stored: Path) -> None:
    land = read_landscape(stored / "land.zarr")
    said = facts(land)
    assert any(re.search(r"loss .*\(without weight decay .*, test ", text) for text in said)
    assert any("accuracy" in text and "%)" in text for text in said)
    names = [name for name, _, _ in inspected(land, (0, 0))]
    assert names == ["Grid point (α, β)", *TITLES.values()]
    assert "never" not in land
    assert "ZeroDivisionError" in land.lossnav.unavailable["never"]


@pytest.fixture
def beside(stored: Path, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    """The page, started in the folder of the stored landscapes."""
    monkeypatch.setenv(FOLDER_VARIABLE, str(stored))
    return AppTest.from_file(APP, default_timeout=120)


def test_the_atlas_offers_them_and_draws_those_that_are_chosen(stored: Path, beside: AppTest) -> None:
    beside.query_params["atlas_of"] = str(stored / "land.zarr")
    app = beside.switch_page("views/atlas.py").run()
    assert not app.exception
    readouts = app.multiselect(key="atlas_readouts")
    assert set(TITLES.values()) <= set(readouts.options)
    readouts.set_value(["loss", "test_top2", "gap_top2", "penalty"]).run()
    assert not app.exception
    maps, _ = (json.loads(chart.proto.spec) for chart in app.get("plotly_chart"))
    assert sum(trace["type"] == "heatmap" for trace in maps["data"]) == 4
    assert all(name in json.dumps(maps, ensure_ascii=False) for name in ("Test top2", "Gap of top2", "Regulariser"))


@pytest.mark.parametrize("look", ["2-D", "Difference"])
def test_compare_offers_them_as_height_and_colour(look: str, stored: Path, beside: AppTest) -> None:
    beside.query_params["compared"] = [str(stored / "land.zarr"), str(stored / "land.nc")]
    beside.query_params["compare_look"] = look
    app = beside.switch_page("views/compare.py").run()
    assert not app.exception
    assert set(TITLES.values()) <= set(app.selectbox(key="compare_height").options)
    app.selectbox(key="compare_height").set_value("test_top2")
    app.selectbox(key="compare_color").set_value("gap_top2").run()
    assert not app.exception
    title = "Difference of Test top2" if look == "Difference" else "Gap of top2"
    assert title in json.dumps([figures_of(app), [m.value for m in app.markdown]], ensure_ascii=False)


@pytest.mark.parametrize("kind", ["map", "surface"])
def test_the_command_draws_them(kind: str, stored: Path, tmp_path: Path) -> None:
    words = ["figure", str(stored / "land.zarr"), "--kind", kind, "--color", "gap", "--surface", "top2"]
    found = CliRunner().invoke(cli.app, [*words, "-o", str(tmp_path / "figure.svg")])
    assert found.exit_code == 0, found.output
    assert "Generalisation gap (nats)" in (tmp_path / "figure.svg").read_text("utf-8")


def test_a_published_page_has_them_as_heights(stored: Path) -> None:
    text = published_page([read_landscape(stored / "land.zarr")])
    content = json.loads(text.partition("id='content'>")[2].partition("</script>")[0])
    assert content["heights"] == list(TITLES)
    assert content["readouts"]["gap"]["name"] == "Generalisation gap"
