"""The live plane: what the worker measures, what the server keeps of it, and what the page shows."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import lossnav.explorer
import numpy as np
import pytest
from lossnav.core import Settings, load_problem, survey
from lossnav.core.store import read_points
from lossnav.explorer.jobs import Jobs
from lossnav.explorer.live import bench as benches
from lossnav.explorer.live import course as courses
from lossnav.explorer.live.bench import Bench
from lossnav.explorer.live.course import DRAWN, Course
from lossnav.explorer.live.look import Look
from lossnav.explorer.live.pool import LiveWorker
from lossnav.explorer.survey_request import SurveyRequest, make_plane, zoomed
from streamlit.testing.v1 import AppTest

APP = str(Path(lossnav.explorer.__path__[0]) / "app.py")


@pytest.fixture(scope="module")
def bench() -> Bench:
    return Bench("gaussians-mlp")


def looks(course: Course) -> list[Look]:
    """Every picture of a plane until it gets no sharper."""
    found: list[Look] = []
    while not course.finished:
        look = course.advance()
        if look is not None:
            found.append(look)
    return found


def test_pictures_sharpen_level_by_level_to_what_a_survey_measures(bench: Bench) -> None:
    request = SurveyRequest("gaussians-mlp", turn=30.0, centre=12)
    found = looks(Course(bench, request))
    assert [look.finished for look in found] == [False] * (len(found) - 1) + [True]
    whole = [look for look in found if look.examples == look.all_examples]
    assert [look.rows for look in whole] == sorted(look.rows for look in whole)
    last = found[-1]
    problem = load_problem("gaussians-mlp")
    plane = make_plane(problem, "random", turn=30.0, centre=12)
    size = last.rows
    land = survey(problem, plane, (size, size), plane.span, ("forward",))
    step = (DRAWN - 1) // (size - 1)
    live = last.landscape(Settings()).isel(alpha=slice(None, None, step), beta=slice(None, None, step))
    for name in ("loss", "accuracy", "perplexity", "probability", "density", "elasticity", "memory"):
        np.testing.assert_allclose(live[name].values, land[name].values, rtol=2e-4, atol=1e-6, err_msg=name)


def test_a_sharper_picture_keeps_what_was_measured_and_its_vertices(bench: Bench) -> None:
    found = [look for look in looks(Course(bench, SurveyRequest("gaussians-mlp", seed=5))) if look.examples == 600]
    lands = [look.landscape(Settings()) for look in found]
    for look, land, after in zip(found, lands, lands[1:], strict=False):
        assert land.sizes == {**land.sizes, "alpha": DRAWN, "beta": DRAWN}
        measured = look.points.plan.grid(look.points.done_at("forward"), fill=False)
        np.testing.assert_allclose(land["loss"].values[measured], after["loss"].values[measured], rtol=1e-13)
        assert np.isfinite(land["loss"].values).all()


def test_closed_forms_are_exact_from_the_first_picture_on(bench: Bench) -> None:
    found = looks(Course(bench, SurveyRequest("gaussians-mlp", seed=6)))
    first, last = found[0].landscape(Settings()), found[-1].landscape(Settings())
    for name in ("elasticity_l2", "memory"):
        np.testing.assert_allclose(first[name].values, last[name].values, rtol=1e-12)


def test_a_slow_network_shows_part_of_its_examples_first_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (benches, courses):
        monkeypatch.setattr(module, "FIRST_SECONDS", 1e-4)  # as if every network were slow
    found = looks(Course(Bench("gaussians-mlp"), SurveyRequest("gaussians-mlp")))
    assert found[0].examples == benches.FEWEST_PREDICTIONS
    assert found[0].rows == 5
    assert found[0].text == ("First picture from 200 of 600 examples at 5 × 5 points, interpolated to 65 × 65.")
    sizes = [(look.examples, look.rows) for look in found]
    assert sizes[:3] == [(200, 5), (200, 9), (600, 9)]
    exact, part = found[2].landscape(Settings())["loss"], found[0].landscape(Settings())["loss"]
    assert float(abs(np.log(part / exact)).max()) < 1.0  # the same terrain, roughly


def test_a_problem_without_path_or_classes_can_be_turned() -> None:
    found = looks(Course(Bench("linear-regression"), SurveyRequest("linear-regression", turn=-45.0)))
    land = found[-1].landscape(Settings())
    assert "accuracy" not in land
    assert json.loads(land.attrs["plane"])["turn"] == -45.0


@pytest.fixture
def worker() -> Iterator[LiveWorker]:
    found = LiveWorker()
    yield found
    found.close()


def wait(turning, finished: bool = False) -> None:
    for _ in range(600):
        time.sleep(0.1)
        if turning.over or (turning.look is not None and not finished):
            return
    pytest.fail("no picture came")


def test_the_worker_measures_and_drops_what_is_no_longer_wanted(worker: LiveWorker, tmp_path: Path) -> None:
    first = worker.look_at("tab", SurveyRequest("gaussians-mlp", seed=1))
    second = worker.look_at("tab", SurveyRequest("gaussians-mlp", seed=2))
    wait(second, finished=True)
    assert second.look is not None
    assert second.look.finished
    assert first.look is None or not first.look.finished
    assert worker.look_at("tab", SurveyRequest("gaussians-mlp", seed=2)) is second
    again = worker.look_at("tab", SurveyRequest("gaussians-mlp", seed=1))
    assert again is not first
    wait(again, finished=True)
    file = tmp_path / "nothing.py"
    file.write_text("x = 1\n")
    wrong = worker.look_at("tab", SurveyRequest(str(file)))
    wait(wrong)
    assert wrong.failure is not None
    assert "should define `problem`" in wrong.failure


def test_two_tabs_are_both_served_and_a_paused_one_is_not(worker: LiveWorker) -> None:
    wishes = {tab: worker.look_at(tab, SurveyRequest("gaussians-mlp", seed=k)) for k, tab in enumerate("ab")}
    for wish in wishes.values():
        wait(wish, finished=True)
    worker.pause("a")
    assert wishes["a"].paused
    assert worker.look_at("a", wishes["a"].request) is wishes["a"]
    assert not wishes["a"].paused


def test_the_page_turns_and_hands_the_plane_to_a_survey(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[SurveyRequest] = []
    monkeypatch.setattr(Jobs, "start", lambda self, request, overwrite=False: started.append(request))
    kept = AppTest.from_file(APP, default_timeout=120)
    kept.query_params["model"] = "gaussians-mlp"
    kept.run()
    app = AppTest.from_file(APP, default_timeout=120)
    app.query_params["model"] = "gaussians-mlp"
    app.query_params["live"] = "true"
    app.query_params["turn"] = "15"
    app.query_params["centre"] = "7"
    app.run()
    assert not app.exception
    assert app.toggle(key="live").value
    assert (app.slider(key="turn").value, app.select_slider(key="centre").value) == (15, 7)
    assert app.toggle(key="on_viscosity").disabled
    for _ in range(400):
        if not any("Getting this plane ready" in box.proto.body for box in app.get("html")):
            break
        app.run()
    assert shown(app) != shown(kept)
    assert any("<b>Live.</b>" in box.proto.body for box in app.get("html"))
    assert started == []
    app.slider(key="turn").set_value(40).run()
    app.number_input(key="seed").set_value(3).run()
    app.selectbox(key="normalize").set_value("layer").run()
    assert not app.exception
    app.button(key="measure_live").click().run()
    assert not app.toggle(key="live").value
    (request,) = set(started)
    assert request == SurveyRequest("gaussians-mlp", seed=3, normalize="layer", turn=40.0, centre=7)


def shown(app: AppTest) -> str:
    """The surface's figure."""
    return next(json.loads(c.proto.json)["figure"] for c in app.get("bidi_component") if "surface" in c.proto.json)


def test_the_plane_of_a_link_is_the_plane_of_the_command(tmp_path: Path) -> None:
    request = SurveyRequest("linear-regression", turn=30.0, centre=3, grid=25, effort="none")
    words = request.plane_arguments
    assert words[-2:] == ["--turn=30", "--centre=3"]
    assert Jobs().start(request).process.wait(timeout=300) == 0
    made = read_points(request.path).about["plane"]
    plane = make_plane(load_problem("linear-regression"), "random", turn=30.0, centre=3)
    assert (made["turn"], made["centre"]) == (30.0, 3)
    np.testing.assert_allclose(made["gram"], plane.gram, rtol=1e-9)


def test_planes_that_do_not_move_are_kept_where_they_were() -> None:
    plain = SurveyRequest("gaussians-mlp")
    assert not plain.moved
    assert len({plain.path, replace(plain, turn=5.0).path, replace(plain, centre=0).path}) == 3
    assert zoomed(((-1.0, 1.0), (-1.0, 1.0)), 1.0) == ((-1.0, 1.0), (-1.0, 1.0))
