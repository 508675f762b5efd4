"""The live plane: what the worker measures, what the server keeps of it, and what the page shows."""

from __future__ import annotations

import gc
import json
import time
import weakref
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

import lossnav.explorer
import numpy as np
import pytest
from charts import charts_of, text_of
from lossnav.core import Settings, load_problem, survey
from lossnav.core.survey.reading import read_points
from lossnav.explorer.controls import terrain as controls
from lossnav.explorer.jobs import Jobs
from lossnav.explorer.live import sequence as courses
from lossnav.explorer.live import session as benches
from lossnav.explorer.live import worker as workers
from lossnav.explorer.live.pool import LiveWorker, Turning
from lossnav.explorer.live.sequence import DRAWN, LiveSequence
from lossnav.explorer.live.session import LiveSession
from lossnav.explorer.live.snapshot import Snapshot
from lossnav.explorer.panels import charts
from lossnav.explorer.panels.charts import drawn
from lossnav.explorer.request.planes import make_plane, zoomed
from lossnav.explorer.request.survey import SurveyRequest
from lossnav.explorer.server import CHECKPOINTS_VARIABLE, TARGET_VARIABLE
from lossnav.explorer.state import Drawing, View
from streamlit.testing.v1 import AppTest
from typed_command import computed

APP = str(Path(lossnav.explorer.__path__[0]) / "app.py")


@pytest.fixture(scope="module")
def bench() -> LiveSession:
    return LiveSession("gaussians-mlp")


def looks(course: LiveSequence) -> list[Snapshot]:
    """Every picture of a plane until it gets no sharper."""
    found: list[Snapshot] = []
    while not course.finished:
        look = course.advance()
        if look is not None:
            found.append(look)
    return found


def test_pictures_sharpen_level_by_level_to_what_a_survey_measures(bench: LiveSession) -> None:
    request = SurveyRequest("gaussians-mlp", turn=30.0, centre=12)
    found = looks(LiveSequence(bench, request))
    assert [look.finished for look in found] == [False] * (len(found) - 1) + [True]
    whole = [look for look in found if look.examples == look.all_examples]
    assert [look.rows for look in whole] == sorted(look.rows for look in whole)
    last = found[-1]
    problem = load_problem("gaussians-mlp")
    plane = make_plane(problem, request)
    size = last.rows
    land = survey(problem, plane, (size, size), plane.span, ("forward",))
    step = (DRAWN - 1) // (size - 1)
    live = last.landscape(Settings()).isel(alpha=slice(None, None, step), beta=slice(None, None, step))
    for name in ("loss", "accuracy", "perplexity", "probability", "density", "elasticity", "memory"):
        np.testing.assert_allclose(live[name].values, land[name].values, rtol=2e-4, atol=1e-6, err_msg=name)


def test_a_sharper_picture_keeps_what_was_measured_and_its_vertices(bench: LiveSession) -> None:
    found = [
        look for look in looks(LiveSequence(bench, SurveyRequest("gaussians-mlp", seed=5))) if look.examples == 600
    ]
    lands = [look.landscape(Settings()) for look in found]
    for look, land, after in zip(found, lands, lands[1:], strict=False):
        assert land.sizes == {**land.sizes, "alpha": DRAWN, "beta": DRAWN}
        measured = look.points.plan.grid(look.points.done_at("forward"), fill=False)
        np.testing.assert_allclose(land["loss"].values[measured], after["loss"].values[measured], rtol=1e-13)
        assert np.isfinite(land["loss"].values).all()


def test_closed_forms_are_exact_from_the_first_picture_on(bench: LiveSession) -> None:
    found = looks(LiveSequence(bench, SurveyRequest("gaussians-mlp", seed=6)))
    first, last = found[0].landscape(Settings()), found[-1].landscape(Settings())
    for name in ("elasticity_l2", "memory"):
        np.testing.assert_allclose(first[name].values, last[name].values, rtol=1e-12)


def test_a_slow_network_shows_part_of_its_examples_first_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (benches, courses):
        monkeypatch.setattr(module, "FIRST_SECONDS", 1e-4)  # as if every network were slow
    found = looks(LiveSequence(LiveSession("gaussians-mlp"), SurveyRequest("gaussians-mlp")))
    assert found[0].examples == benches.FEWEST_PREDICTIONS
    assert found[0].rows == 5
    assert found[0].text == ("First picture from 200 of 600 examples at 5 × 5 points, interpolated to 65 × 65.")
    sizes = [(look.examples, look.rows) for look in found]
    assert sizes[:3] == [(200, 5), (200, 9), (600, 9)]
    exact, part = found[2].landscape(Settings())["loss"], found[0].landscape(Settings())["loss"]
    assert float(abs(np.log(part / exact)).max()) < 1.0  # the same terrain, roughly


def test_a_problem_without_path_or_classes_can_be_turned() -> None:
    found = looks(LiveSequence(LiveSession("linear-regression"), SurveyRequest("linear-regression", turn=-45.0)))
    land = found[-1].landscape(Settings())
    assert "accuracy" not in land
    assert json.loads(land.attrs["plane"])["turn"] == -45.0


def test_the_centre_is_measured_on_all_examples_from_the_first_picture_on(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (benches, courses):
        monkeypatch.setattr(module, "FIRST_SECONDS", 1e-4)  # as if every network were slow
    first, *_, last = looks(LiveSequence(LiveSession("gaussians-mlp"), SurveyRequest("gaussians-mlp")))
    assert first.examples < last.examples
    assert first.points.info.centre["loss"] == pytest.approx(last.points.info.centre["loss"], rel=1e-6)


@pytest.fixture
def at_hand(monkeypatch: pytest.MonkeyPatch) -> dict:
    """What the worker keeps, empty at first."""
    kept: dict = {}
    monkeypatch.setattr(workers, "_at_hand", kept)
    return kept


def test_a_plane_that_failed_begins_anew(at_hand: dict, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(self: LiveSequence) -> Iterator[None]:
        yield None
        raise MemoryError

    request = SurveyRequest("gaussians-mlp")
    with monkeypatch.context() as patched:
        patched.setattr(LiveSequence, "_run", failing)
        assert workers.advance(request, False) is None
        with pytest.raises(RuntimeError, match="MemoryError"):
            workers.advance(request, False)
    assert any(workers.advance(request, False) for _ in range(100))


def test_the_worker_keeps_few_problems_and_few_planes(at_hand: dict, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "MOST_PROBLEMS", 1)
    monkeypatch.setattr(workers, "MOST_PLANES", 2)
    first = SurveyRequest("gaussians-mlp")
    for seed in (0, 1, 0, 2):
        workers.advance(replace(first, seed=seed), False)
    ((_, planes),) = at_hand.values()
    assert [plane.seed for plane in planes] == [0, 2]
    monkeypatch.setattr(workers, "MOST_NUMBERS", 3 * 371)
    workers.advance(replace(first, seed=3), False)
    assert [plane.seed for plane in planes] == [3]
    left = [weakref.ref(plane) for plane in planes.values()]
    del planes
    gc.disable()  # memory is free at once, not when the collector comes by
    try:
        workers.advance(SurveyRequest("linear-regression"), False)
        assert [ref() for ref in left] == [None]
    finally:
        gc.enable()
    assert [target for target, _ in at_hand] == ["linear-regression"]


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


OWN_ERROR = """
class Odd(Exception):
    def __init__(self, one, two):
        super().__init__(f"{one} and {two}")

def problem():
    raise Odd("this", "that")
"""


def test_a_failure_of_ones_own_code_is_said_and_the_process_goes_on(worker: LiveWorker, tmp_path: Path) -> None:
    file = tmp_path / "odd.py"
    file.write_text(OWN_ERROR)
    for seed in (0, 1):
        wrong = worker.look_at("tab", SurveyRequest(str(file), seed=seed))
        wait(wrong)
        assert wrong.failure is not None
        assert "this and that" in wrong.failure
    right = worker.look_at("tab", SurveyRequest("gaussians-mlp"))
    wait(right)
    assert right.look is not None


def test_a_first_picture_goes_before_a_sharper_one(worker: LiveWorker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "_busy", True)  # so that nothing starts yet
    older = worker.look_at("a", SurveyRequest("gaussians-mlp"))
    newer = worker.look_at("b", SurveyRequest("gaussians-mlp", seed=1))
    asked: list[Turning] = []
    submitted = type("Pool", (), {"submit": lambda self, step, request, known: asked.append(request) or _never()})()
    monkeypatch.setattr(worker, "_pool", submitted)
    newer.look = Snapshot(None, 1, 1, False)  # type: ignore[arg-type]
    worker._busy = False
    worker.look_at("b", newer.request)
    assert asked == [older.request]
    monkeypatch.setattr(worker, "_pool", None)


def _never() -> Future[None]:
    return Future()


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
    app.button(key="turn_it").click().run()
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
    return next(text_of(c) for c in charts_of(app) if "surface" in c.proto.json)


def test_the_plane_of_a_link_is_the_plane_of_the_command(tmp_path: Path) -> None:
    request = SurveyRequest("linear-regression", turn=30.0, centre=3, grid=25, effort="none")
    words = request.plane_arguments
    assert words[-2:] == ["--turn=30", "--centre=3"]
    computed(request)
    made = read_points(request.path).info.plane
    plane = make_plane(load_problem("linear-regression"), request)
    assert (made["turn"], made["centre"]) == (30.0, 3)
    np.testing.assert_allclose(made["gram"], plane.gram, rtol=1e-9)


def test_planes_that_do_not_move_are_kept_where_they_were() -> None:
    plain = SurveyRequest("gaussians-mlp")
    assert not plain.moved
    assert len({plain.path, replace(plain, turn=5.0).path, replace(plain, centre=0).path}) == 3
    assert zoomed(((-1.0, 1.0), (-1.0, 1.0)), 1.0) == ((-1.0, 1.0), (-1.0, 1.0))


def test_what_is_to_be_measured_later_does_not_change_the_live_picture() -> None:
    request = SurveyRequest("gaussians-mlp", seed=3, turn=5.0, zoom=2.0)
    other = replace(request, grid=101, effort="full", every=2, tolerance=0.0)
    assert other.plane_alone == request.plane_alone == request


def page(monkeypatch: pytest.MonkeyPatch, **query: str) -> tuple[AppTest, list[SurveyRequest]]:
    """The page, and what it starts to survey."""
    started: list[SurveyRequest] = []
    monkeypatch.setattr(Jobs, "start", lambda self, request, overwrite=False: started.append(request))
    app = AppTest.from_file(APP, default_timeout=120)
    for name, value in query.items():
        app.query_params[name] = value
    return app.run(), started


def test_another_model_is_shown_around_its_trained_network(monkeypatch: pytest.MonkeyPatch) -> None:
    app, started = page(monkeypatch, model="digits-resnet")  # 16 checkpoints; the others have more
    for name in ("gaussians-mlp", "digits-two-tasks-ewc", "linear-regression"):
        app.selectbox(key="model").set_value(name).run()
        assert app.select_slider(key="centre").value == "trained"
    assert not app.exception
    assert started == []


OWN_PATH = """
import torch
from lossnav.core import Problem, Trajectory
model = torch.nn.Linear(2, 1)
inputs = torch.randn(20, 2, generator=torch.Generator().manual_seed(0))
points = [{k: t * v.detach() for k, v in model.named_parameters()} for t in (0.0, 0.5, 1.0)]
problem = Problem(model, inputs, inputs[:, :1], loss="mse", trajectory=Trajectory(points))
"""


@pytest.mark.parametrize(("checkpoints", "planes"), [("0", 4), ("3", 7)])
def test_ones_own_problem_has_its_path_from_the_start(
    checkpoints: str, planes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "mine.py"
    file.write_text(OWN_PATH)
    monkeypatch.setenv(TARGET_VARIABLE, str(file))
    monkeypatch.setenv(CHECKPOINTS_VARIABLE, checkpoints)
    app, _ = page(monkeypatch, model=str(file), live="true", centre="1")
    assert not app.exception
    assert [s.value for s in app.select_slider if s.key == "centre"] == ([1] if checkpoints == "3" else [])
    assert len(app.selectbox(key="plane").options) == planes


def test_what_a_person_clips_is_clipped_while_the_picture_sharpens(land, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(charts.st, "session_state", {})
    for high in (None, 0.5, None):
        found = drawn(land, View(Drawing("loss", high=high)), plane="the same")
        shown = found.picture.elevation
        assert shown.limits(land["loss"].values) == shown.scale.limits(land["loss"].values)
    narrow = drawn(land.isel(alpha=slice(4, 9)), View(Drawing("loss")), plane="the same")
    inner = land["loss"].values[4:9]
    assert narrow.picture.elevation.limits(inner) == shown.limits(land["loss"].values) != shown.scale.limits(inner)


def test_a_strength_is_a_multiple_of_the_landscapes_own() -> None:
    switches = controls.Switches({}, {"strength": 3.0, "width": 2.0, "temperature": 1.5}, {}, {})
    assert switches.settings({}) == Settings(temperature=1.5)
    facts = {"elasticity": {"strength": 4.0}, "memory": {"width": 0.25}}
    assert switches.settings(facts) == Settings(temperature=1.5, strength=12.0, width=0.5)
