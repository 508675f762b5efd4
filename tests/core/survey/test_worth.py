"""An adaptive survey is never slower than the full grid: what deciding takes is bounded by what it saves. No real clock is looked at."""

import importlib
import itertools

import cases
import numpy as np
import pytest
from lossnav.core import InputError, Plane, Tolerance, read_landscape, survey
from lossnav.core.adaptive.refinement import Refinement
from lossnav.core.engine.execution import Way
from lossnav.core.survey.worth import Worth

SCHEDULE = importlib.import_module("lossnav.core.survey.schedule")
GRID = (33, 33)


@pytest.fixture
def problem():
    return cases.smooth(n=40)


def clock(monkeypatch, tick):
    """Every look at the clock is a second later times `tick`: deciding takes as long as measuring a batch."""
    seconds = itertools.count()
    monkeypatch.setattr(SCHEDULE, "now", lambda: tick * next(seconds))


@pytest.mark.parametrize(("per_point", "expected"), [(1e-4, False), (1e-1, True)])
def test_deciding_may_take_a_tenth_of_what_it_saves_and_half_of_that_is_certain(per_point, expected):
    worth = Worth(0.1)
    worth.measured(100, 100 * per_point)
    worth.decided(0.01)
    assert worth.pays(4000, 100) is expected
    assert worth.deciding + 2 * worth.last <= 0.05 * 3900 * per_point or not expected


def test_where_hardly_any_points_wait_the_end_is_near_and_most_of_what_is_saved_counts():
    """A survey of which three points are left to measure is not turned into a whole grid by what it took to get there."""
    worth = Worth(0.1)
    worth.measured(100, 0.25)
    worth.decided(0.28)
    assert not worth.pays(2220, 200)  # 0.28 + 2 · 0.28 and a twentieth of 5 s
    worth.last = 0.02
    assert not worth.pays(2220, 200)
    assert worth.pays(2220, 3)
    assert worth.pays(2220)  # of which nothing new is known


def test_a_pause_does_not_count_as_measuring():
    worth = Worth(0.1)
    for seconds in (1.0, 500.0):
        worth.measured(10, seconds)
    assert worth.per_point == 0.1


def test_without_a_share_it_always_pays():
    worth = Worth(None)
    worth.measured(10, 1e-9)
    worth.decided(1e9)
    assert worth.pays(1, 1)


def test_where_deciding_takes_too_long_the_whole_grid_is_measured_and_that_is_said(problem, monkeypatch):
    clock(monkeypatch, 1.0)
    plane = Plane.random(problem, seed=1)
    land = survey(problem, plane, GRID, tolerance=0.01)
    assert bool(land["measured"].all())
    assert land.lossnav.adaptive["forward"] == {"measured": 1089, "of": 1089, "error": 0.0, "whole": True}
    np.testing.assert_array_equal(land["loss"].values, survey(problem, plane, GRID)["loss"].values)
    assert (land["loss_error"].values == 0).all()


def test_a_whole_grid_after_all_is_run_the_way_that_so_many_points_deserve(problem, monkeypatch):
    clock(monkeypatch, 1.0)
    planned = []

    def choose(evaluator, points, count):
        planned.append(count)
        if count > 500:
            evaluator.adopt(Way(batch_size=40, points=4))
        return count > 500

    monkeypatch.setattr("lossnav.core.engine.evaluator.choose", choose)
    plane = Plane.random(problem, seed=1)
    land = survey(problem, plane, GRID, tolerance=0.01)
    assert planned[0] < 500 < planned[-1]
    assert land.lossnav.spec["way"]["points"] == 4
    np.testing.assert_array_equal(land["loss"].values, survey(problem, plane, GRID)["loss"].values)


def test_a_choice_that_cannot_pay_is_not_made(problem, monkeypatch):
    clock(monkeypatch, 1.0)
    chosen, choose = [], Refinement.next
    monkeypatch.setattr(Refinement, "next", lambda self, *words: chosen.append(1) or choose(self, *words))
    survey(problem, Plane.random(problem, seed=1), GRID, tolerance=0.01)
    assert len(chosen) == 1  # the first, of which nothing is known before


def test_whoever_wants_few_points_whatever_that_takes_says_so(problem, monkeypatch):
    clock(monkeypatch, 1.0)
    land = survey(problem, Plane.random(problem, seed=1), GRID, tolerance=Tolerance(0.01, deciding=None))
    assert land.lossnav.adaptive["forward"]["measured"] < 400


def test_a_survey_that_goes_on_keeps_to_the_whole_grid(problem, tmp_path, monkeypatch):
    clock(monkeypatch, 1.0)

    def stop(done, total):
        if done > 200:
            raise KeyboardInterrupt

    plane = Plane.random(problem, seed=1)
    with pytest.raises(KeyboardInterrupt):
        survey(problem, plane, GRID, tolerance=0.01, store=tmp_path / "a", progress=stop)
    assert read_landscape(tmp_path / "a").lossnav.adaptive["forward"]["whole"] is True
    clock(monkeypatch, 0.0)  # now deciding would be free
    land = survey(problem, plane, GRID, tolerance=0.01, store=tmp_path / "a")
    assert bool(land["measured"].all())


def test_the_share_is_checked():
    with pytest.raises(InputError, match="deciding should be a share"):
        Tolerance(0.01, deciding=2)
