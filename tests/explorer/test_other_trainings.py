"""Other trainings on the terrain: what the command writes, and that the page draws just that."""

from __future__ import annotations

from pathlib import Path

import lossnav.explorer
import numpy as np
import pytest
from lossnav.core import Plane, load_problem
from lossnav.core.sealed import read_json
from lossnav.core.walk import training_path
from lossnav.explorer.controls.paths import other_trainings
from lossnav.explorer.figures.shared.walks import DrawnWalk
from lossnav.explorer.request.paths import PathsRequest
from lossnav.explorer.request.survey import SurveyRequest
from lossnav.explorer.summaries.paths import paths_of_json
from streamlit.testing.v1 import AppTest
from typed_command import lossnav as typed
from typed_command import sentence

APP = str(Path(lossnav.explorer.__path__[0]) / "app.py")
SMALL, LARGE = "digits-small-batch", "digits-large-batch"


@pytest.fixture
def wanted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PathsRequest:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    asked = PathsRequest(SurveyRequest(SMALL, "trajectory"), (LARGE,))
    asked.path.parent.mkdir(parents=True)  # as whoever starts the command does
    return asked


def test_the_command_writes_the_librarys_numbers(wanted: PathsRequest) -> None:
    ended = typed(*wanted.arguments, "--out", str(wanted.path))
    assert ended.returncode == 0, ended.stderr
    assert SMALL in ended.stdout
    assert LARGE in ended.stdout
    (name, written), *others = paths_of_json(read_json(wanted.path)).items()
    assert (name, others) == (LARGE, [])
    true = training_path(load_problem(LARGE), Plane.make("trajectory", load_problem(SMALL)), "cpu")
    for each in ("step", "loss", "alpha", "beta", "off_plane"):
        np.testing.assert_allclose(getattr(written, each), getattr(true, each), rtol=1e-6, atol=1e-6)
    drawn = DrawnWalk.of_training(written, name, 0)
    assert drawn.texts[-1].endswith("off the plane")
    assert "at the place itself" in drawn.texts[0]


def test_another_network_is_one_sentence() -> None:
    assert "is another network than the plane's" in sentence("paths", SMALL, "gaussians-mlp")


def test_samples_of_one_network_are_offered_to_each_other() -> None:
    assert other_trainings(SMALL) == [LARGE]
    assert other_trainings("linear-regression") == []


def test_the_page_offers_and_then_draws_them(wanted: PathsRequest) -> None:
    app = AppTest.from_file(APP, default_timeout=180)
    app.query_params.update({"model": SMALL, "plane": "trajectory", "trainings": LARGE})
    app.run()
    assert not app.exception
    offer = app.button(key="resume_paths")
    assert offer.label == "Draw them"
    assert not wanted.path.exists()
    typed(*wanted.arguments, "--out", str(wanted.path))
    app.run()
    assert not app.exception
    text = " ".join(each.proto.body for each in app.get("html"))
    assert f"<b>{LARGE}</b>: its own loss" in text
    assert "off this plane" in text
    assert f"{LARGE}: projection, ★ end" in text
