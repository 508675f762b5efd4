"""Efforts that are bounded: few points of what is costly, the error that these leave, and a way on from there."""

import json

import cases
import numpy as np
import pytest
from lossnav.core import Estimation, Plane, read_landscape, survey
from lossnav.core.local.samples import example_flops
from lossnav.core.survey import Specification, affordable, cost, estimate
from lossnav.core.survey.affordable import GRADIENT_PASSES, PRODUCT_PASSES, STAGE_PASSES, affordable_points

GRID = (13, 13)
OVERLAYS = ("viscosity", "elasticity_recovery")
BLOCKS = 7  # of viscosity: one for each Lanczos step, one for the trace, one for relative flatness


def bounded(points: int) -> tuple[object, Estimation]:
    """A problem, and settings that afford so many points of viscosity on 64 of its 80 examples."""
    problem = cases.smooth(n=80)
    point = PRODUCT_PASSES * 4 * BLOCKS * 64 * example_flops(problem)
    return problem, Estimation(examples=64, pass_flops=(points + 0.5) * point / STAGE_PASSES)


def asked(problem, estimation, **more) -> dict:
    plane = Plane.random(problem)
    return {"problem": problem, "plane": plane, "shape": GRID, "overlays": OVERLAYS, "effort": estimation, **more}


def test_what_a_point_takes_is_counted_in_passes() -> None:
    problem, estimation = bounded(40)
    spec = Specification(**asked(problem, estimation))
    found = affordable_points(problem, estimation, spec.local_measures)
    budget = STAGE_PASSES * estimation.pass_flops / example_flops(problem)
    assert found["curvature"] == 40 == int(budget / (PRODUCT_PASSES * 4 * BLOCKS * 64))
    assert found["descent"] == int(budget / (64 * GRADIENT_PASSES * 50))
    assert affordable_points(problem, Estimation(examples=64), spec.local_measures) == {}


def test_a_bounded_stage_ends_says_so_and_goes_on_to_every_point(tmp_path) -> None:
    problem, estimation = bounded(40)
    store = tmp_path / "land"
    first = survey(**asked(problem, estimation, tolerance=1e-5, store=store))
    said = json.loads(first.attrs["adaptive"])["curvature"]
    assert said["measured"] == said["most"] == 40 == int(first.measured_curvature.sum())
    assert said["error"] > 5e-5  # more than was asked for
    whole = survey(**asked(problem, estimation))
    error = np.abs(first.viscosity - whole.viscosity)
    assert bool((error <= first.viscosity_error + 1e-6).all())
    again = survey(**asked(problem, estimation, tolerance=1e-5, store=store))
    np.testing.assert_array_equal(again.measured_curvature, first.measured_curvature)
    survey(**asked(problem, estimation, store=store))
    np.testing.assert_array_equal(read_landscape(store).viscosity, whole.viscosity)


@pytest.mark.parametrize(("overlay", "passes"), [("elasticity_recovery", 70), ("memory_basin", 60)])
def test_descents_are_bounded_too_though_classes_have_finer_whole_grids(overlay: str, passes: float) -> None:
    problem = cases.smooth(n=80)
    estimation = Estimation(examples=64, pass_flops=passes * example_flops(problem))
    what = asked(problem, estimation, overlays=(overlay,), shape=(17, 17))
    most = affordable_points(problem, estimation, Specification(**what).local_measures)["descent"]
    assert 25 < most < 81  # more than the coarsest whole grids, and fewer than the next
    assert int(survey(**what, tolerance=1e-3).measured_descent.sum()) <= most


def test_a_bound_that_is_not_reached_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    problem, estimation = bounded(60)
    bound = survey(**asked(problem, estimation, tolerance=0.5))
    monkeypatch.setattr(affordable, "STAGE_PASSES", 10**9)
    free = survey(**asked(problem, estimation, tolerance=0.5))
    np.testing.assert_array_equal(bound.measured_curvature, free.measured_curvature)
    assert "most" not in json.loads(bound.attrs["adaptive"])["curvature"]


@pytest.mark.parametrize(("points", "counted"), [(3, 25), (40, 40)])
def test_the_forecast_counts_no_more_points_than_are_affordable(
    points: int, counted: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cost, "_timed", lambda work, once=False: 1.0)
    problem, estimation = bounded(points)
    plane = Plane.random(problem)
    usual = {"shape": (65, 65), "overlays": ("viscosity",), "tolerance": 1e-5}
    bound, free = (
        estimate(Specification(problem, plane, effort=each, **usual)).seconds["curvature"]
        for each in (estimation, Estimation(examples=64))
    )
    assert free / bound == pytest.approx(65**2 / counted)  # the coarse grid is measured in any case
