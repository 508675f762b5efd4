"""Adaptive surveys: what a tolerance gives, and what it leaves as it is."""

import json
from dataclasses import replace

import cases
import numpy as np
import pytest
from lossnav.core import InputError, Plane, read_landscape, survey
from lossnav.core.adaptive.tolerance import Tolerance
from lossnav.core.survey.landscape import landscape
from lossnav.core.survey.run import SurveyRun
from lossnav.core.survey.specification import Specification

GRID = (33, 33)
DRIVERS = {
    "gradient": ("slope", "density_coverage", "viscosity_sam", "elasticity_pull"),
    "curvature": ("coupling", "viscosity"),
}
COSTLY = ("viscosity", "density_coverage", "elasticity_recovery")


def share(found, truth):
    return float(abs(found - truth).max() / (truth.max() - truth.min()))


@pytest.fixture
def problem():
    return cases.smooth(n=40)


def test_few_points_give_the_whole_picture_within_the_tolerance(problem):
    plane = Plane.random(problem, seed=1)
    full, adaptive = survey(problem, plane, GRID), survey(problem, plane, GRID, tolerance=0.01)
    assert adaptive["measured"].dtype == bool
    assert int(adaptive["measured"].sum()) <= GRID[0] * GRID[1] / 8
    assert share(adaptive["loss"], full["loss"]) <= 0.01
    measured = adaptive["measured"].values
    np.testing.assert_array_equal(adaptive["loss"].values[measured], full["loss"].values[measured])
    assert (adaptive["loss_error"].values[measured] == 0).all()
    assert (adaptive["loss_error"].values[~measured] >= 0).all()


def test_it_says_how_many_were_measured_and_the_largest_error(problem):
    land = survey(problem, Plane.random(problem), GRID, tolerance=0.01)
    said = json.loads(land.attrs["adaptive"])
    assert said["forward"]["measured"] == int(land["measured"].sum())
    assert said["forward"]["of"] == GRID[0] * GRID[1]
    drawn = float(land["loss"].max() - land["loss"].min())
    assert float(land["loss_error"].max()) / drawn == pytest.approx(said["forward"]["error"], rel=0.05)
    assert said["forward"]["error"] <= said["tolerance"]["share"] == 0.01


def test_without_a_tolerance_every_point_is_measured(problem):
    land = survey(problem, Plane.random(problem), (9, 9))
    assert bool(land["measured"].all())
    assert "adaptive" not in land.attrs
    assert "loss_error" not in land


def test_every_readout_is_everywhere_and_carries_its_error(problem):
    land = survey(problem, Plane.random(problem), GRID, overlays=("all",), effort="preview", tolerance=0.05)
    said = json.loads(land.attrs["adaptive"])
    assert set(said) == {"tolerance", "forward", "gradient", "curvature", "descent"}
    for stage in ("forward", "gradient", "curvature", "descent"):
        assert said[stage]["measured"] < said[stage]["of"]
    for name in ("loss", "accuracy", "perplexity", "probability", "viscosity", "coupling", "density_coverage", "slope"):
        assert bool(np.isfinite(land[name]).all()), name
        assert land[f"{name}_error"].attrs["units"] == land[name].attrs["units"], name
    for name in ("elasticity", "memory"):  # closed forms need no interpolation
        assert f"{name}_error" not in land
    assert set(np.unique(land["memory_basin"])) <= set(range(1000)) if "memory_basin" in land else True
    for stage, driver in (("curvature", "viscosity"), ("gradient", "density_coverage")):
        assert said[stage]["error"] == pytest.approx(
            max(said[stage]["errors"][str(v)] for v in DRIVERS[stage] if v in said[stage]["errors"]), rel=1e-6
        )
        assert said[stage]["errors"][driver] <= said[stage]["error"]


def test_the_logarithmic_scale_keeps_the_bottom_of_the_valley(problem):
    plane = Plane.random(problem, seed=1)
    full = survey(problem, plane, GRID)["loss"]
    found = survey(problem, plane, GRID, tolerance=Tolerance(0.01, scale="log"))["loss"]
    span = np.log(full.max() / full.min())
    assert float(abs(np.log(found / full)).max() / span) <= 0.01
    assert share(found, full) <= 0.01


def test_a_stopped_survey_asks_for_the_same_points_again(problem, tmp_path):
    plane = Plane.random(problem, seed=2)
    whole = survey(problem, plane, GRID, overlays=("viscosity",), effort="preview", tolerance=0.02)

    def stop(done, total):
        if done > 90:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        survey(
            problem,
            plane,
            GRID,
            overlays=("viscosity",),
            effort="preview",
            tolerance=0.02,
            store=tmp_path / "a",
            progress=stop,
        )
    halfway = read_landscape(tmp_path / "a")
    assert 0 < int(halfway["measured"].sum()) <= int(whole["measured"].sum())
    resumed = survey(
        problem, plane, GRID, overlays=("viscosity",), effort="preview", tolerance=0.02, store=tmp_path / "a"
    )
    for name in ("measured", "measured_curvature", "loss", "viscosity", "loss_error", "viscosity_error"):
        np.testing.assert_array_equal(resumed[name].values, whole[name].values, err_msg=name)
    again = read_landscape(tmp_path / "a")
    np.testing.assert_array_equal(again["viscosity"].values, whole["viscosity"].values)


@pytest.mark.parametrize("beyond", [2, 12])  # after the first points of descents, and well among them
def test_stopped_among_descents_it_asks_for_the_same_points_again(problem, tmp_path, beyond):
    what = {"problem": problem, "plane": Plane.random(problem, seed=2), "shape": (17, 17), "effort": "preview"}
    what |= {
        "overlays": ("elasticity_pull", "elasticity_recovery", "memory_basin"),
        "tolerance": Tolerance(0.02, deciding=None),
    }
    whole = survey(**what)
    said = json.loads(whole.attrs["adaptive"])["descent"]
    assert "elasticity_recovery" in said["errors"]
    store = tmp_path / "a"

    class Stops(Exception):
        pass

    def stop(done, total):
        here = read_landscape(store) if store.exists() else {}
        if "measured_descent" in here and int(here["measured_descent"].sum()) >= beyond:
            raise Stops

    with pytest.raises(Stops):
        survey(**what, store=store, progress=stop)
    assert beyond <= int(read_landscape(store)["measured_descent"].sum()) < said["measured"]
    resumed = survey(**what, store=store)
    for name in ("measured_gradient", "measured_descent", "elasticity_recovery", "memory_basin"):
        np.testing.assert_array_equal(resumed[name].values, whole[name].values, err_msg=name)
    assert json.loads(resumed.attrs["adaptive"])["descent"] == said


def test_recovery_is_refined_though_its_value_at_the_centre_is_known(problem):
    """It is 1 there by definition, without a descent, and is interpolated elsewhere like any other."""
    what = {"problem": problem, "plane": Plane.random(problem, seed=1), "shape": (17, 17), "effort": "preview"}
    what |= {"overlays": ("elasticity_recovery",)}
    full = survey(**what)["elasticity_recovery"]
    land = survey(**what, tolerance=Tolerance(0.1, costly=0.1, deciding=None))
    said = json.loads(land.attrs["adaptive"])["descent"]
    assert said["measured"] < said["of"]
    assert bool((abs(land["elasticity_recovery"] - full) <= land["elasticity_recovery_error"] + 1e-6).mean() >= 0.95)
    assert share(land["elasticity_recovery"], full) <= said["error"]


def test_a_store_goes_on_with_a_tighter_tolerance_and_with_none(problem, tmp_path):
    plane = Plane.random(problem, seed=2)
    loose = survey(problem, plane, GRID, tolerance=0.05, store=tmp_path / "a")
    tight = survey(problem, plane, GRID, tolerance=0.001, store=tmp_path / "a")
    assert int(loose["measured"].sum()) < int(tight["measured"].sum())
    assert bool((tight["measured"] | ~loose["measured"]).all())
    full = survey(problem, plane, GRID, store=tmp_path / "a")
    assert bool(full["measured"].all())
    assert "loss_error" not in full


def test_progress_ends_at_all_that_was_asked_for(problem):
    seen = []
    survey(
        problem, Plane.random(problem), GRID, tolerance=0.01, progress=lambda done, total: seen.append((done, total))
    )
    assert seen[-1][0] == seen[-1][1]
    assert all(done <= total for done, total in seen)


def test_a_line_is_refined_too(problem):
    plane = Plane.line(problem, {k: v + 0.3 for k, v in problem.parameters.items()})
    full, found = (survey(problem, plane, (129, 1), tolerance=t) for t in (None, 0.01))
    assert share(found["loss"], full["loss"]) <= 0.01
    assert int(found["measured"].sum()) < 40


@pytest.mark.parametrize("tolerance", [0, 1.5, "fine"])
def test_a_tolerance_that_is_no_share_is_refused(problem, tolerance):
    with pytest.raises(InputError, match=r"such as 0\.01"):
        survey(problem, Plane.random(problem), (5, 5), tolerance=tolerance)


def test_the_same_points_state_the_same_error_whatever_tolerance_was_asked_for(problem):
    points = SurveyRun.of(Specification(problem, Plane.random(problem, seed=1), GRID, tolerance=0.01)).run()
    stated = []
    for share_asked in (0.001, 0.01, 0.1):
        points.info = replace(points.info, tolerance=Tolerance(share_asked))
        land = landscape(points)
        stated.append((land["loss_error"].values, land.lossnav.adaptive["forward"]["error"]))
    for errors, largest in stated[1:]:
        np.testing.assert_array_equal(errors, stated[0][0])
        assert largest == stated[0][1] > 0
