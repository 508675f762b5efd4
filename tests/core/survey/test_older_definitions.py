"""Landscapes that were stored with definitions of before are read, and say so."""

from __future__ import annotations

import dataclasses

import cases
import numpy as np
import pytest
from lossnav.core import Estimation, Plane, survey
from lossnav.core.survey.landscape import landscape
from lossnav.core.survey.later import NOT_YET, with_overlays
from lossnav.core.survey.points import MeasuredPoints
from lossnav.core.survey.store import read_points


@pytest.fixture(scope="module")
def older(tmp_path_factory: pytest.TempPathFactory) -> MeasuredPoints:
    """A survey as it was stored before: the empirical Fisher's coverage, shares alone, nothing said of coordinates."""
    problem, place = cases.with_path(), tmp_path_factory.mktemp("older") / "land"
    effort = Estimation(probes=3, steps=3, coordinates="parameters")
    overlays = ("density", "coupling", "viscosity", "memory", "elasticity", "probability")
    survey(problem, Plane.random(problem), (3, 3), overlays=overlays, effort=effort, store=place)
    points = read_points(place)
    named = {"data_rank": "coverage", "data_rank_se": "coverage_se"}
    new = ("fisher_", "diagonal", "right@", "calibration_", "adaptive", "relative_flatness")
    kept = [i for i, name in enumerate(points.columns) if not name.startswith(new)]
    facts = {**points.info.facts, "coupling": {}}
    facts["memory"] = {k: v for k, v in facts["memory"].items() if k != "segment"}
    had = {
        "density",
        "density_coverage",
        "coupling",
        "coupling_interlayer",
        "viscosity",
        "memory",
        "elasticity",
        "probability",
    }
    return dataclasses.replace(
        points,
        columns=tuple(named.get(points.columns[i], points.columns[i]) for i in kept),
        stages=tuple(points.stages[i] for i in kept),
        values=points.values[:, kept],
        overlays=tuple(v for v in points.overlays if v in had),
        info=dataclasses.replace(points.info, facts=facts),
    )


def test_coverage_says_that_it_is_of_an_older_definition(older: MeasuredPoints) -> None:
    land = landscape(with_overlays(older, ("all",)))
    assert "older definition" in land["density_coverage"].attrs["long_name"]
    assert np.isfinite(land["density_coverage"].values).all()


def test_what_follows_from_the_shares_and_the_path_is_derived(older: MeasuredPoints) -> None:
    points = with_overlays(older, ("all",))
    land = landscape(points)
    share, kappa = land["coupling_offdiagonal"].values, land["coupling"].values
    count = points.info.problem["parameters"]
    inside = 1 - share > land["coupling_offdiagonal_se"].values  # elsewhere the diagonal is lost in its error
    np.testing.assert_allclose(kappa[inside], np.sqrt(share / (1 - share) / (count - 1))[inside], rtol=1e-6)
    assert {"memory", "memory_distance"} <= set(land.data_vars)
    assert land["viscosity"].attrs["units"] == "nats per squared parameter unit"


def test_what_does_not_follow_is_not_measured_yet(older: MeasuredPoints) -> None:
    reasons = with_overlays(older, ("all",)).info.unavailable
    for name in (
        "density_effective_dimension",
        "density_effective_rank",
        "density_effective_rank_share",
        "coupling_between",
        "viscosity_adaptive",
        "viscosity_relative_flatness",
        "probability_right",
        "probability_calibration",
    ):
        assert reasons[name] == NOT_YET, name
