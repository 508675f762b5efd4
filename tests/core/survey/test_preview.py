"""A first look at costly stages: soon, marked as rough, and gone without a trace once the survey's own values are there."""

import json

import cases
import numpy as np
import pytest
from lossnav.core import Plane, read_landscape, survey
from lossnav.core.local.estimation import PRESETS, Estimation
from lossnav.core.survey import preview
from lossnav.core.survey.preview import rough
from lossnav.core.survey.reading import read_points

GRID = (9, 9)
ASKED = {"overlays": ("viscosity", "density_coverage", "elasticity_recovery"), "tolerance": 0.05}
COSTLY = {"gradient": "density_coverage", "curvature": "viscosity", "descent": "elasticity_recovery"}


@pytest.fixture
def problem(monkeypatch: pytest.MonkeyPatch):
    """Small, but with a first look that takes a tenth of its examples."""
    monkeypatch.setattr(preview, "EXAMPLES", 8)
    monkeypatch.setitem(PRESETS, "preview", Estimation(probes=3, steps=4))
    return cases.smooth(n=80)


def stopped(problem, plane, store, after: str):
    """A survey that was stopped while measuring the first points of a stage."""

    def stop(done, total):
        if store.exists() and read_points(store).done_at(after).any():
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        survey(problem, plane, GRID, store=store, progress=stop, **ASKED)
    return read_landscape(store)


def test_all_costly_readouts_show_before_the_first_stage_is_measured(problem, tmp_path):
    land = stopped(problem, Plane.random(problem), tmp_path / "land.zarr", "gradient")
    said = json.loads(land.attrs["adaptive"])
    for stage in ("curvature", "descent"):
        variable = COSTLY[stage]
        assert bool(np.isfinite(land[variable][:, 0]).all()), variable  # recovery is no number at θ* itself
        assert bool(np.isinf(land[f"{variable}_error"]).all()), variable
        assert not bool(land[f"measured_{stage}"].any())
        assert said[stage] == {
            "measured": 0,
            "of": 81,
            "error": None,
            "glance": {"points": 9, "examples": 8},
        }
        assert land[variable].attrs["measured_on"] == "9 rough"
    assert "glance" not in said["forward"]
    assert "measured_on" not in land["loss"].attrs


def test_it_shows_what_a_survey_of_its_own_settings_measures(problem, tmp_path):
    plane = Plane.random(problem)
    land = stopped(problem, plane, tmp_path / "land.zarr", "gradient")
    alone = survey(problem, plane, (3, 3), overlays=("viscosity",), effort=rough(problem, PRESETS["standard"]))
    np.testing.assert_allclose(land["viscosity"].values[::4, ::4], alone["viscosity"].values, rtol=1e-5)


def test_nothing_of_it_is_left_at_the_end(problem, tmp_path):
    plane, store = Plane.random(problem), tmp_path / "land.zarr"
    stopped(problem, plane, store, "curvature")
    done = survey(problem, plane, GRID, store=store, **ASKED)
    plain = survey(problem, plane, GRID, **ASKED)
    for variable in COSTLY.values():
        np.testing.assert_array_equal(done[variable].values, plain[variable].values)
    assert read_points(store).info.glance is None
    assert all("glance" not in each for each in json.loads(done.attrs["adaptive"]).values())


def test_a_network_whose_preview_saves_little_has_none(tmp_path):
    problem = cases.smooth(n=80)
    assert rough(problem, PRESETS["standard"]) is None
    store = tmp_path / "land.zarr"
    stopped(problem, Plane.random(problem), store, "gradient")
    assert read_points(store).info.glance is None


def test_a_network_that_breaks_in_its_first_look_is_measured_as_far_as_it_can_be(problem, tmp_path, monkeypatch):
    from lossnav.core.survey.preview import Glance

    def broken(self, points):
        yield "gradient"
        raise RuntimeError("no derivative")

    monkeypatch.setattr(Glance, "look", broken)
    land = survey(problem, Plane.random(problem), GRID, store=tmp_path / "land.zarr", **ASKED)
    assert bool(np.isfinite(land["viscosity"]).all())
