"""A network's landscapes in the folder are offered on its page, whatever their grid; Compare opens on the folder's own."""

from __future__ import annotations

import json
from pathlib import Path

import lossnav.explorer
import pytest
from lossnav.core import Plane, load_problem, survey
from lossnav.core.survey.packing import pack
from lossnav.explorer import beside, workspace
from lossnav.explorer.beside import landscapes_beside
from lossnav.explorer.controls.compare import unmeasured_problems
from streamlit.testing.v1 import AppTest

APP = str(Path(lossnav.explorer.__path__[0]) / "app.py")
OWN = """
import torch
from lossnav.core import Problem

def problem():
    torch.manual_seed(0)
    inputs = torch.randn(20, 2)
    return Problem(torch.nn.Linear(2, 1), inputs, inputs[:, :1], loss="mse")
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two networks, of which one was measured twice, on 5 × 5 and on 3 × 7 points, and a sample's landscape."""
    folder = tmp_path_factory.mktemp("work")
    for name in ("mine.py", "other.py"):
        (folder / name).write_text(OWN)
    mine = load_problem(str(folder / "mine.py"))
    survey(mine, Plane.random(mine), (5, 5), store=folder / "runs" / "first.zarr")
    survey(mine, Plane.random(mine, seed=1), (3, 7), store=folder / "again.zarr")
    pack(folder / "again.zarr", folder / "packed.zarr.zip")
    sample = load_problem("gaussians-mlp")
    survey(sample, Plane.random(sample), (3, 3), store=folder / "sample.zarr")
    (folder / "mine.py").write_text("raise SystemExit('it ran')\n" + OWN)
    return folder


@pytest.fixture
def here(made: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(made)
    monkeypatch.setenv(workspace.FOLDER_VARIABLE, ".")
    workspace._latest.clear()
    return made


def test_a_network_s_landscapes_are_told_by_what_they_say_and_nothing_runs(here: Path) -> None:
    titles = [each.title for each in landscapes_beside("mine.py")]
    assert titles == [
        "again.zarr · Random directions, 3 × 7",
        "packed.zarr.zip · Random directions, 3 × 7",
        "runs/first.zarr · Random directions, 5 × 5",
    ]
    assert landscapes_beside("other.py") == []


def test_the_command_says_more_than_the_name(here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    header = json.loads((here / "again.zarr" / "zarr.json").read_text())
    runs = header["attributes"]["about"]["provenance"]
    runs[-1]["command"] = "lossnav survey elsewhere/other.py --grid 3x7"
    for axis in ("alpha", "beta"):
        (tmp_path / "a.zarr" / axis).mkdir(parents=True)
        (tmp_path / "a.zarr" / axis / "zarr.json").write_text((here / "again.zarr" / axis / "zarr.json").read_text())
    (tmp_path / "a.zarr" / "zarr.json").write_text(json.dumps(header))
    workspace._latest.clear()
    assert [each.name for each in landscapes_beside("other.py")] == ["a.zarr"]
    assert landscapes_beside("mine.py") == []
    for broken in ("{", "[]", '{"attributes": {"about": 3}}', "x" * (5 * 2**20)):
        (tmp_path / "a.zarr" / "zarr.json").write_text(broken)
        beside._header.cache_clear()  # two writes may be of one time
        assert landscapes_beside("other.py") == []


def test_the_page_of_the_network_offers_them_and_a_press_shows_one(here: Path) -> None:
    app = AppTest.from_file(APP, default_timeout=120)
    app.query_params["model"] = "mine.py"
    app.run()
    assert not app.exception
    assert "first.zarr" in app.button(key="beside_2").label
    app.button(key="beside_2").click().run()
    assert not app.exception
    assert app.selectbox(key="model").value == "runs/first.zarr"
    assert app.query_params["model"] == "runs/first.zarr"
    assert any("without its network" in caption.value for caption in app.caption)


def test_compare_opens_on_the_folder_s_own_and_names_what_is_not_measured(here: Path) -> None:
    app = AppTest.from_file(APP, default_timeout=120).run()
    app.switch_page("views/compare.py").run()
    assert not app.exception
    assert app.multiselect(key="compared").value == ["again.zarr", "packed.zarr.zip"]
    assert any("**mine.py**, **other.py**" in caption.value for caption in app.caption)
    assert unmeasured_problems(["mine.py · random", "other.py · random", "again.zarr"]) == ""


def test_of_a_sample_nothing_is_offered(here: Path) -> None:
    app = AppTest.from_file(APP, default_timeout=120).run()
    assert not any(str(button.key).startswith("beside_") for button in app.button)
