"""How an interval is read off an error: by Student's t, or as a bound, and older landscapes by what they have."""

from __future__ import annotations

from dataclasses import replace

import cases
import numpy as np
import pytest
from lossnav.core import Estimation, Plane, survey
from lossnav.core.properties import READOUTS
from lossnav.core.spectrum.estimate import student
from lossnav.core.survey.intervals import OLDER, interval_attributes
from lossnav.core.survey.landscape import landscape_as_measured
from lossnav.core.survey.store import read_points
from lossnav.explorer.figures.shared.picture import value_text
from scipy import stats


@pytest.mark.parametrize("probes", [3, 8])
def test_a_standard_error_of_few_probes_is_read_by_students_t(probes: int) -> None:
    problem = cases.smooth(2)
    land = survey(
        problem, Plane.random(problem), (1, 1), ((0, 0), (0, 0)), ("coupling", "viscosity_trace"),
        effort=Estimation(probes=probes, steps=1),
    )  # fmt: skip
    for name in ("coupling", "viscosity_trace"):
        attrs = land[f"{name}_se"].attrs
        assert attrs["interval"] == pytest.approx(stats.t.ppf(0.975, probes - 1))
        assert attrs["side"] == "both"
        assert f"{probes - 1} degrees of freedom" in attrs["rests_on"]


def test_the_interval_is_what_is_printed() -> None:
    problem = cases.smooth(2)
    land = survey(
        problem, Plane.random(problem), (1, 1), ((0, 0), (0, 0)), ("viscosity", "viscosity_trace"),
        effort=Estimation(probes=3, steps=1),
    )  # fmt: skip
    for name, value, error in (("viscosity_trace", 2.0, 0.1), ("viscosity", 2.0, 0.25)):
        land[name].values[:], land[f"{name}_se"].values[:] = value, error
    assert value_text(land, "viscosity_trace", (0, 0)) == f"2 ± {0.1 * student(2):.2g}"
    assert value_text(land, "viscosity", (0, 0)) == "2 (to 2.5)"


def test_intervals_of_few_draws_hold_as_often_as_they_say() -> None:
    draws = np.random.default_rng(0).normal(size=(4_000, 4))
    misses = np.abs(draws.mean(1)) / (draws.std(1, ddof=1) / 2)
    assert np.mean(misses <= 2) < 0.88
    assert np.mean(misses <= student(3)) == pytest.approx(0.95, abs=0.012)


def test_a_landscape_without_the_reach_says_that_its_definition_is_older(tmp_path: object) -> None:
    problem, store = cases.smooth(2), f"{tmp_path}/land"
    survey(problem, Plane.random(problem), (2, 1), overlays=("viscosity",), store=store)
    points = read_points(store)
    assert interval_attributes(READOUTS["viscosity"], points)["side"] == "above"
    kept = [i for i, name in enumerate(points.columns) if not name.endswith("_reach")]
    older = replace(
        points,
        columns=tuple(points.columns[i] for i in kept),
        stages=tuple(points.stages[i] for i in kept),
        values=points.values[:, kept],
    )
    assert interval_attributes(READOUTS["viscosity"], older)["rests_on"] == OLDER
    land = landscape_as_measured(older)
    miss = points.values[:, points.columns.index("lambda_max_miss")]
    assert np.sort(land["viscosity_se"].values.ravel()) == pytest.approx(np.sort(miss))
