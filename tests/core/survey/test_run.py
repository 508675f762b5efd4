"""A survey under way, a little at a call: the numbers of a survey at one go, and nothing left open in between."""

from __future__ import annotations

import cases
import numpy as np
import pytest
import torch
from lossnav.core import Plane, Problem, read_landscape
from lossnav.core.survey.landscape import landscape
from lossnav.core.survey.points import MeasuredPoints
from lossnav.core.survey.reading import read_points
from lossnav.core.survey.run import SurveyRun
from lossnav.core.survey.specification import Specification
from lossnav.core.survey.store import LandscapeStore
from lossnav.core.survey.survey import surveyed


def specified(problem: Problem, **how: object) -> Specification:
    overlays = ("viscosity", "basin", "sharpness")
    return Specification(problem, Plane.random(problem), (5, 5), overlays, "cpu", fidelity=True, **how)  # type: ignore[arg-type]


@pytest.mark.parametrize("tolerance", [None, 0.1])
@pytest.mark.parametrize("threads", [1, 2])
def test_a_little_at_a_call_is_the_same_survey(tolerance: float | None, threads: int) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        spec = specified(cases.smooth(), tolerance=tolerance)
        run, calls = SurveyRun.of(spec), 0
        while run.advance(0.0):
            calls += 1
            assert torch.get_num_threads() == threads  # no worker is at work between two calls
        found, whole = landscape(run.points), surveyed(spec)
    finally:
        torch.set_num_threads(before)
    assert calls > 10
    assert run.points.made == run.points.planned
    assert len(found.lossnav.provenance) == 1
    for name in whole.data_vars:
        np.testing.assert_array_equal(found[name].values, whole[name].values, err_msg=str(name))
    assert found.lossnav.fidelity == whole.lossnav.fidelity
    assert run.advance(0.0) is False


def test_what_was_measured_before_it_is_closed_is_kept_and_signed(tmp_path) -> None:
    spec, store = specified(cases.smooth()), LandscapeStore(tmp_path / "land")
    with store.writing():
        run = SurveyRun.of(spec)
        run.keep_in(store)
        for _ in range(5):
            assert run.advance(0.0)
        run.close()
    points = read_points(tmp_path / "land")
    assert 0 < points.made == run.points.made < points.planned
    (signed,) = points.info.provenance or ()
    assert signed["measurements"] == points.made
    surveyed(spec, tmp_path / "land")
    alone = surveyed(spec)
    assert read_landscape(tmp_path / "land")["viscosity"].equals(alone["viscosity"])


def test_points_alone_are_measured_with_whatever_takes_forward_passes() -> None:
    class Bowl:
        @property
        def columns(self) -> tuple[str, ...]:
            return ("loss",)

        @property
        def way(self) -> dict[str, int]:
            return {"points": 1}

        def evaluate(self, points: np.ndarray) -> np.ndarray:
            return (points**2).sum(1, keepdims=True)

    spec = Specification(cases.smooth(), Plane.random(cases.smooth()), (5, 3), device="cpu")
    points = MeasuredPoints.empty(spec.plan, {"forward": ("loss",)}, "float64", (), spec.info())
    corner = np.array([0])
    run = SurveyRun(points, Bowl(), order=lambda _: [("forward", corner)])
    while run.advance(0.0):
        pass
    assert points.done_at("forward").sum() == 1
    assert points.values[0, 0] == pytest.approx(2.0)
    assert points.info.provenance is None
