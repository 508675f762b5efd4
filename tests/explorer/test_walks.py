"""Walks on the page: what a request means, what is drawn, and that a link begins nothing."""

from __future__ import annotations

import json
from pathlib import Path

import lossnav.explorer
import numpy as np
import pytest
import xarray as xr
from charts import figures_of
from lossnav.core import InputError, Plane, load_problem
from lossnav.core.walk import Recipe, read_walk, walk, write_walk
from lossnav.explorer.figures.shared.walks import DrawnWalk
from lossnav.explorer.figures.web.map2d import map_figure
from lossnav.explorer.figures.web.surface3d import surface_figure
from lossnav.explorer.figures.web.walks import walk_figure
from lossnav.explorer.jobs.record import records
from lossnav.explorer.request.survey import SurveyRequest
from lossnav.explorer.request.walk import BasinsRequest, WalkRequest
from lossnav.explorer.state import Drawing, View
from lossnav.explorer.summaries.walk import pairs_of_json, walk_sentence
from streamlit.testing.v1 import AppTest
from typed_command import computed

APP = str(Path(lossnav.explorer.__path__[0]) / "app.py")
SHORT = WalkRequest(SurveyRequest("gaussians-mlp"), (0.5, 0.5), Recipe("sgd", 10, seed=2))


@pytest.fixture(scope="module")
def walked():
    problem = load_problem("gaussians-mlp")
    plane = Plane.trajectory(problem)
    return walk(problem, Recipe("adam", 20, rate=0.02), plane.at(0.5, 0.2), plane, device="cpu")


def test_the_request_is_the_command_and_its_ends_are_asked_for() -> None:
    computed(SHORT)
    found = read_walk(SHORT.path)
    problem = load_problem("gaussians-mlp")
    plane = Plane.random(problem)
    same = walk(problem, SHORT.recipe, plane.at(0.5, 0.5), plane, device="cpu")
    assert found.recipe == SHORT.recipe
    np.testing.assert_allclose(found.loss, same.loss, rtol=1e-4)
    ends = BasinsRequest((SHORT,))
    computed(ends)
    (pair,), level = pairs_of_json(json.loads(ends.path.read_text()))
    assert (pair.first, pair.second, level) == ("trained network", "walk 1", 0.1)
    assert np.isfinite(pair.barrier.height)


def test_walks_that_differ_are_kept_apart() -> None:
    plane = SurveyRequest("gaussians-mlp")
    others = [WalkRequest(plane, (0.5, 0.5), Recipe(name, 10, seed=2)) for name in ("adam", "sam", "flow")]
    others += [WalkRequest(plane, (0.5, 0.5), Recipe("sgd", 10)), WalkRequest(plane, (0.5, 0.4), SHORT.recipe), SHORT]
    others.append(WalkRequest(SurveyRequest("gaussians-mlp", seed=1), (0.5, 0.5), SHORT.recipe))
    assert len({each.path for each in others}) == len(others)


@pytest.mark.parametrize("name", ["sgd", "adam", "sam", "flow"])
def test_the_address_holds_a_walk(name: str) -> None:
    asked = WalkRequest(SurveyRequest("gaussians-mlp"), (0.25, -1.5), Recipe(name, 100, seed=3))
    assert WalkRequest.of_text(asked.plane, asked.text) == asked


@pytest.mark.parametrize(
    "text", ["sgd", "sgd,1,2,3,4", "fly,10,0.1,0,0,0", "sgd,10,0.1,0,nan,0", "sgd,9999999,0.1,0,0,0"]
)
def test_an_address_that_names_no_walk_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(InputError, match="it is left out"):
        WalkRequest.of_text(SurveyRequest("gaussians-mlp"), text)


def test_the_projection_lies_on_the_surface_and_the_walks_own_loss_is_said(land: xr.Dataset, walked) -> None:
    drawn = DrawnWalk.of(walked, "1 Adam", 0)
    picture = View(Drawing("loss"), walks=(drawn,)).picture(land)
    surface, flat = surface_figure(land, picture), map_figure(land, picture)
    line = next(t for t in surface.data if t.name == "1 Adam, projection")
    np.testing.assert_allclose(line.x, walked.alpha)
    heights = land["loss"].interp(alpha=("p", walked.alpha), beta=("p", walked.beta)).values
    drawn_at = picture.elevation.scale.invert(np.array(line.z, float))
    np.testing.assert_allclose(drawn_at, heights, rtol=0.1)  # lifted a little
    assert f"{drawn.loss[-1]:.3g}"[:4] in line.text[-1]
    assert "off the plane" in line.text[-1]
    on_map = next(t for t in flat.data if t.name == "1 Adam, projection")
    np.testing.assert_allclose(on_map.y, walked.beta)


def test_what_leaves_the_picture_breaks_the_line(land: xr.Dataset, walked) -> None:
    far = DrawnWalk.of(walked, "far", 1)
    a, b = far.inside(((0.0, 0.1), (0.0, 0.1)))
    assert np.isnan([a, b]).all()


def test_true_loss_and_the_terrain_under_it_are_two_curves(land: xr.Dataset, walked) -> None:
    figure = walk_figure(land, [DrawnWalk.of(walked, "1 Adam", 0)], dark=True)
    true, below = figure.data
    assert list(true.y) == walked.loss.tolist()
    assert (true.line.dash, below.line.dash) == ("solid", "dot")
    assert true.y[0] == pytest.approx(below.y[0], rel=0.1)  # it begins on the plane
    assert true.y[-1] != pytest.approx(below.y[-1], rel=1e-3)  # and leaves it


def test_a_walk_in_words(walked) -> None:
    said = walk_sentence(walked)
    assert said.startswith("Adam, seed 0, 32 examples a step: loss ")
    assert "parameter units off the plane. All steps are made." in said


def test_a_link_with_walks_begins_none_and_says_what_is_none() -> None:
    app = AppTest.from_file(APP, default_timeout=120)
    app.query_params["walks"] = f"{SHORT.text};nonsense"
    app.run()
    assert not app.exception
    assert records() == []
    assert not SHORT.path.exists()
    assert any("nonsense" in box.value for box in app.warning)


def test_a_link_with_walks_that_are_there_draws_them() -> None:
    problem = load_problem("gaussians-mlp")
    plane = Plane.random(problem)
    SHORT.path.parent.mkdir(parents=True)
    write_walk(walk(problem, SHORT.recipe, plane.at(0.5, 0.5), plane, device="cpu"), SHORT.path)
    app = AppTest.from_file(APP, default_timeout=120)
    app.query_params["walks"] = SHORT.text
    app.run()
    assert not app.exception
    figures = figures_of(app)
    names = [trace.get("name") for figure in figures for trace in figure["data"]]
    assert names.count("1 SGD, seed 2, projection") == 2
    assert records() == []
