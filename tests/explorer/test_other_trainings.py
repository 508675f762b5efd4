"""Other trainings on the terrain: what the command writes, and that the page draws just that."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import lossnav.explorer
import numpy as np
import pytest
from artists import named, outside
from charts import figures_of
from lossnav.core import InputError, Plane, load_problem, read_landscape
from lossnav.core.plane import plane_identity
from lossnav.core.sealed import read_json, write_json
from lossnav.core.walk import TrainingPath, training_path
from lossnav.explorer.commands.composite import Rows, composite
from lossnav.explorer.commands.path_options import paths_in, paths_on
from lossnav.explorer.controls.paths import other_trainings
from lossnav.explorer.figures.paper import PaperSpec, draw_map, draw_surface
from lossnav.explorer.figures.shared.scales import format_value
from lossnav.explorer.figures.shared.walks import DrawnWalk
from lossnav.explorer.figures.web.map2d import map_figure
from lossnav.explorer.request.paths import PathsRequest
from lossnav.explorer.request.survey import SurveyRequest
from lossnav.explorer.state import Drawing, View
from lossnav.explorer.summaries.caption import caption
from lossnav.explorer.summaries.paths import paths_as_json, paths_of_json
from matplotlib.text import Text
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


@pytest.fixture(scope="module")
def walked() -> TrainingPath:
    return training_path(load_problem(LARGE), Plane.make("trajectory", load_problem(SMALL)), "cpu")


@pytest.fixture(scope="module")
def file(walked: TrainingPath, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `lossnav paths SMALL LARGE --plane trajectory --out` writes."""
    plane = plane_identity(Plane.make("trajectory", load_problem(SMALL)))
    return write_json(tmp_path_factory.mktemp("paths") / "paths.json", paths_as_json({LARGE: walked}, plane))


def shipped(name: str, plane: str = "trajectory") -> Path:
    return Path(lossnav.explorer.__path__[0]).parent / "sample_models" / "landscapes" / f"{name}.{plane}.zarr.zip"


def test_a_file_of_another_plane_is_refused(file: Path, tmp_path: Path) -> None:
    (drawn,) = paths_in([file], read_landscape(shipped(SMALL)))
    assert drawn.name == LARGE
    for other in (shipped(LARGE), shipped(SMALL, "random")):
        with pytest.raises(InputError, match="another plane"):
            paths_in([file], read_landscape(other))
    unknown = {name: value for name, value in read_json(file).items() if name not in ("plane", "sealed")}
    for content, said in (
        ({**unknown, "plane": None}, "another plane"),
        (unknown, "no trainings"),
        ([], "no trainings"),
    ):
        (tmp_path / "p.json").write_text(json.dumps(content))
        with pytest.raises(InputError, match=said):
            paths_in([tmp_path / "p.json"], read_landscape(shipped(SMALL)))


def test_of_several_landscapes_each_has_those_of_its_plane(file: Path, walked: TrainingPath) -> None:
    lands = [read_landscape(shipped(SMALL)), read_landscape(shipped(LARGE))]
    on = paths_on([file], lands)
    assert [[walk.name for walk in walks] for walks in on] == [[LARGE], []]
    with pytest.raises(InputError, match="than those of the 2 landscapes"):
        paths_on([file], [lands[1], read_landscape(shipped(SMALL, "random"))])
    rows = Rows(["loss", "perplexity"], None, ("loss", None), contours=True, path=True)
    figure = composite(lands, [SMALL, LARGE], rows, "double", "Two", on)
    lines = named(figure, f"walk {LARGE}")
    panels = [axes for axes in figure.axes if axes.images]
    assert [line.axes for line in lines] == [panels[0], panels[2]]  # the first column of both rows
    for line in lines:
        places = np.column_stack(line.get_data(orig=True))
        np.testing.assert_allclose(places, np.column_stack([walked.alpha, walked.beta]), rtol=1e-6)
    texts = [[text.get_text() for text in axes.texts] for axes in panels]
    own = format_value(lands[0].lossnav.fidelity["path"]["true_loss"][-1])
    assert set(texts[0]) == set(texts[2]) - {"c"} | {"a"} == {"a", own, format_value(float(walked.loss[-1]))}
    legends = [text.get_text() for legend in figure.legends for text in legend.get_texts()]
    assert legends == ["training path", LARGE]
    assert outside(figure) == []
    narrow = composite(lands, [SMALL, LARGE], rows, "single", None, on)  # no room for numbers
    assert [len(axes.texts) for axes in narrow.axes if axes.images] == [1] * 4
    assert outside(narrow) == []


@pytest.mark.parametrize("draw", [draw_map, draw_surface])
def test_print_draws_the_path_and_its_own_loss_at_its_end(draw: Any, file: Path, walked: TrainingPath) -> None:
    land = read_landscape(shipped(SMALL))
    drawn = paths_in([file], land)
    plain = View(Drawing("loss")).picture(land)
    figure = draw(land, PaperSpec(replace(plain, walks=drawn)))
    lines = named(figure, f"walk {LARGE}")
    places = np.concatenate(
        [np.column_stack([np.ravel(each) for each in line.get_data(orig=True)[:2]]) for line in lines]
    )
    if draw is draw_map:
        np.testing.assert_allclose(places, np.column_stack([walked.alpha, walked.beta]), rtol=1e-6)
    texts = [text.get_text().strip() for text in figure.findobj(Text)]
    own = land.lossnav.fidelity["path"]["true_loss"][-1]
    assert format_value(float(walked.loss[-1])) in texts
    assert format_value(own) in texts
    assert LARGE in [text.get_text().replace("\n", "") for legend in figure.legends for text in legend.get_texts()]
    assert draw is draw_surface or outside(figure) == []  # a text in space has no place before it is drawn
    assert named(draw(land, PaperSpec(plain)), f"walk {LARGE}") == []
    assert f"{LARGE} (its own loss {drawn[0].losses}" in caption(land, replace(plain, walks=drawn))


def test_the_page_writes_the_own_losses_beside_both_ends(file: Path, walked: TrainingPath) -> None:
    land = read_landscape(shipped(SMALL))
    picture = replace(View(Drawing("loss")).picture(land), walks=paths_in([file], land))
    texts = {
        each.name: each for each in map_figure(land, picture).data if each.type == "scatter" and each.mode == "text"
    }
    assert texts[f"own loss of {LARGE}"].text == (format_value(float(walked.loss[-1])),)
    assert (texts[f"own loss of {LARGE}"].x, texts[f"own loss of {LARGE}"].y) == (
        (walked.alpha[-1],),
        (walked.beta[-1],),
    )
    assert texts["own loss of the training"].text == (format_value(land.lossnav.fidelity["path"]["true_loss"][-1]),)


def test_the_zip_makes_the_same_figure_again(file: Path, tmp_path: Path) -> None:
    first, again = tmp_path / "all.zip", tmp_path / "again.pdf"
    assert typed("figure", str(shipped(SMALL)), "--paths", str(file), "-o", str(first)).returncode == 0
    with ZipFile(first) as archive:
        archive.extractall(tmp_path)
        assert "--paths paths.json" in json.loads(archive.read("made.json"))["figure"]
    ended = typed("figure", str(shipped(SMALL)), "--paths", str(tmp_path / "paths.json"), "-o", str(again))
    assert ended.returncode == 0, ended.stderr
    assert again.read_bytes() == (tmp_path / "figure.pdf").read_bytes()


def test_compare_draws_each_others_training_in_its_own_colour(wanted: PathsRequest) -> None:
    pair = [f"{name} · trajectory" for name in (SMALL, LARGE)]
    other = PathsRequest(SurveyRequest(LARGE, "trajectory"), (SMALL,))
    for each in (wanted, other):
        assert typed(*each.arguments, "--out", str(each.path)).returncode == 0
    app = AppTest.from_file(APP, default_timeout=180)
    app.query_params.update({"compared": pair, "compare_trainings": [SMALL, LARGE], "compare_look": "2-D"})
    app.switch_page("views/compare.py").run()
    assert not app.exception
    text = " ".join(each.proto.body for each in app.get("html"))
    for name, plane in ((LARGE, pair[0]), (SMALL, pair[1])):
        assert f"<b>{name}</b>: on the plane of {plane}, its own loss" in text
    drawn = [
        {trace["name"]: trace["line"]["color"] for trace in figure["data"] if trace["name"].endswith(", projection")}
        for figure in figures_of(app)
    ]
    assert [list(each) for each in drawn] == [[f"{LARGE}, projection"], [f"{SMALL}, projection"]]
    assert drawn[0].values() != drawn[1].values()
