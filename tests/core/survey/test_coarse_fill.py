"""Readouts of a coarser grid, interpolated onto the terrain's: exact where measured, never invented elsewhere."""

from __future__ import annotations

import json

import cases
import numpy as np
import xarray as xr
from lossnav.core import Plane, survey
from lossnav.core.local.estimation import Estimation
from lossnav.core.survey.coarse_fill import filled

AXIS = np.linspace(-1, 1, 17)
COARSE = np.zeros((17, 17), bool)
COARSE[::4, ::4] = True


def coarse(values: np.ndarray, **attributes: object) -> xr.Dataset:
    both = ("alpha", "beta")
    data = {"v": (both, np.where(COARSE, values, np.nan), {"stage": "curvature", **attributes})}
    return xr.Dataset({**data, "measured_curvature": (both, COARSE)}, {"alpha": AXIS, "beta": AXIS})


def test_measured_points_stay_as_they_are_and_nothing_is_a_gap() -> None:
    values = np.sin(3 * AXIS)[:, None] * AXIS
    found = filled(coarse(values))["v"]
    assert np.allclose(found.values[COARSE], values[COARSE], atol=1e-14)
    assert np.isfinite(found.values).all()
    assert found.attrs["measured_on"] == "5 × 5"


def test_nothing_rings_beyond_the_measured_values() -> None:
    values = np.zeros((17, 17))
    values[8, 8] = 1000.0
    found = filled(coarse(values))["v"].values
    assert found.min() >= 0
    assert found.max() <= 1000.0


def test_a_logarithmic_readout_is_interpolated_in_its_logarithm() -> None:
    values = np.exp(7 * AXIS[:, None] + AXIS)
    found = filled(coarse(values, scale="log"))["v"].values
    assert np.allclose(np.log(found), np.log(values), atol=1e-10)


def test_classes_are_the_nearest_points() -> None:
    values = np.where(AXIS[:, None] > 0.1, 3.0, 0.0) + 0 * AXIS
    found = filled(coarse(values, labels=json.dumps(["a", "b", "c", "d"])))["v"].values
    assert set(np.unique(found)) == {0.0, 3.0}


def test_what_is_no_number_spoils_its_own_surroundings_only() -> None:
    values = 1 + 0 * AXIS[:, None] + 0 * AXIS
    values[0, 0] = np.nan
    values[16, 16] = -np.inf
    found = filled(coarse(values))["v"].values
    assert np.isnan(found[0, 0])
    assert np.isnan(found[3, 3])
    assert np.isneginf(found[16, 16])
    assert (found[4:13, 4:13] == 1).all()


def test_before_a_coarse_grid_is_whole_the_readout_is_left_out() -> None:
    land = coarse(1 + 0 * AXIS[:, None] + 0 * AXIS)
    mask = COARSE.copy()
    mask[0, 0] = False
    land["measured_curvature"] = (("alpha", "beta"), mask)
    assert "v" not in filled(land)  # every level has this corner
    nothing = land.assign(measured_curvature=(("alpha", "beta"), np.zeros((17, 17), bool)))
    assert "v" not in filled(nothing)


def test_a_survey_on_a_coarser_grid_is_drawn_everywhere() -> None:
    problem = cases.smooth()
    plane = Plane.random(problem)
    few = Estimation(probes=3, steps=2, examples=6, descent_steps=3)
    land = survey(problem, plane, (9, 9), overlays=("viscosity", "slope"), every=4, effort=few)
    assert np.isnan(land["viscosity"].values).any()
    found = filled(land)
    assert np.isfinite(found["viscosity"].values).all()
    assert "measured_on" not in found["loss"].attrs
    whole = survey(problem, plane, (9, 9), overlays=("viscosity", "slope"), effort=few)
    assert filled(whole)["viscosity"].identical(whole["viscosity"])
