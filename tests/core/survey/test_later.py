"""A stored survey meets readouts that it does not have: derived where they follow from what is stored, else measured on."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

import cases
import numpy as np
import pytest
import xarray as xr
from lossnav.core import Estimation, InputError, Plane, Problem, read_landscape, survey
from lossnav.core.survey import run
from lossnav.core.survey.landscape import landscape
from lossnav.core.survey.later import NOT_YET, unmeasured, with_overlays
from lossnav.core.survey.reading import read_points
from lossnav.core.survey.run import SurveyRun
from torch import Tensor, nn

FEW = Estimation(probes=3, steps=2, examples=6, descent_steps=3)
HOW = {"shape": (5, 4), "effort": FEW}
MORE = ("perplexity", "probability", "slope", "viscosity", "density", "memory")


class Stopped(Exception):
    pass


class Branching(nn.Module):
    """A forward that looks at its numbers, which derivatives of single examples refuse."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(3, 3)

    def forward(self, x: Tensor) -> Tensor:
        h: Tensor = self.inner(x)
        return h if h.sum().item() > 0 else 2 * h


def survey_of(store: Path | None, overlays: tuple[str, ...], **how: object) -> xr.Dataset:
    problem = cases.with_path()
    return survey(problem, Plane.random(problem), overlays=overlays, store=store, **{**HOW, **how})  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def surveys_at_once() -> Callable[..., xr.Dataset]:
    """Surveys with all their readouts from the beginning, each made once."""
    return cache(partial(survey_of, None))


def equal(found: xr.Dataset, expected: xr.Dataset) -> None:
    assert set(found.data_vars) == set(expected.data_vars)
    for name in map(str, expected.data_vars):
        np.testing.assert_array_equal(found[name].values, expected[name].values, err_msg=name)


@pytest.mark.parametrize("first", [(), ("perplexity",), ("viscosity_trace", "slope")])
@pytest.mark.parametrize("tolerance", [None, 0.05])
def test_more_readouts_are_added_as_if_they_had_been_there(
    tmp_path: Path, first: tuple[str, ...], tolerance: float | None, surveys_at_once: Callable[..., xr.Dataset]
) -> None:
    before = survey_of(tmp_path / "land", first, tolerance=tolerance)
    after = survey_of(tmp_path / "land", (*first, *MORE), tolerance=tolerance)
    whole = surveys_at_once((*first, *MORE), tolerance=tolerance)
    if tolerance is None:
        equal(after, whole)
    measured = before["measured"].values
    np.testing.assert_array_equal(after["loss"].values[measured], before["loss"].values[measured])
    np.testing.assert_array_equal(after["probability"].values[measured], whole["probability"].values[measured])
    again = survey_of(tmp_path / "land", (*first, *MORE), tolerance=tolerance)
    equal(again, after)
    assert len(json.loads(again.attrs["provenance"])) == 2


def test_only_what_is_new_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    survey_of(tmp_path / "land", ("viscosity_sam", "coupling"))
    measured: list[tuple[str, int]] = []
    real = SurveyRun._blocks

    def watched(under_way: SurveyRun, stage: str, rows: np.ndarray, names: list[str]) -> object:
        measured.append((" ".join(names), len(rows)))
        return real(under_way, stage, rows, names)

    monkeypatch.setattr(SurveyRun, "_blocks", watched)
    survey_of(tmp_path / "land", ("viscosity_sam", "coupling", "slope", "viscosity_trace"))
    assert measured == [("slope", 20), ("trace trace_se", 20)]


@pytest.mark.parametrize("after", [3, 11, 26, 45])
def test_stopped_while_it_is_filled_in_nothing_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int, surveys_at_once: Callable[..., xr.Dataset]
) -> None:
    first = survey_of(tmp_path / "land", ("viscosity_sam",))
    calls = 0

    def stop(done: int, total: int) -> None:
        nonlocal calls
        calls += 1
        if calls == after:
            raise Stopped

    with monkeypatch.context() as eager:
        eager.setattr(run, "SECONDS_BETWEEN_WRITES", -1.0)
        with pytest.raises(Stopped):
            survey_of(tmp_path / "land", MORE, progress=stop)
    stored = read_points(tmp_path / "land")
    assert stored.made < stored.planned
    seen = landscape(stored)
    np.testing.assert_array_equal(seen["viscosity_sam"].values, first["viscosity_sam"].values)
    done = survey_of(tmp_path / "land", MORE)
    equal(done, surveys_at_once(MORE))
    stored = read_points(tmp_path / "land")
    assert stored.made == stored.planned
    assert stored.info.later is None


def test_fewer_or_other_readouts_are_another_landscape(tmp_path: Path) -> None:
    survey_of(tmp_path / "land", ("perplexity", "probability"))
    for overlays in (("perplexity",), ("density",), ()):
        with pytest.raises(InputError, match="already holds another landscape"):
            survey_of(tmp_path / "land", overlays)
    with pytest.raises(InputError, match="already holds another landscape"):
        survey_of(tmp_path / "land", MORE, shape=(5, 5))


def test_another_estimation_is_another_landscape(tmp_path: Path) -> None:
    survey_of(tmp_path / "land", ("slope",))
    with pytest.raises(InputError, match="already holds another landscape"):
        survey_of(tmp_path / "land", MORE, effort=Estimation(probes=4, steps=2, examples=6))


def test_what_follows_from_what_is_stored_is_derived_when_it_is_read(tmp_path: Path) -> None:
    survey_of(tmp_path / "land", ("perplexity", "probability_entropy", "viscosity_lambda_min"))
    assert "probability" not in read_landscape(tmp_path / "land")
    found = read_landscape(tmp_path / "land", None, ("probability", "viscosity", "density", "memory"))
    expected = survey_of(None, ("probability", "viscosity"))
    for name in ("probability", "viscosity", "viscosity_convexity", "viscosity_convexity_se"):
        np.testing.assert_array_equal(found[name].values, expected[name].values)
    reasons = json.loads(found.attrs["unavailable"])
    assert reasons["viscosity_trace"] == reasons["density"] == reasons["memory_basin"] == NOT_YET
    points = with_overlays(read_points(tmp_path / "land"), ("viscosity",))
    left = ("trace", "flat_share", "index", "sam", "adaptive", "relative_flatness")
    assert set(unmeasured(points)) == {f"viscosity_{name}" for name in left}


def test_a_reason_that_is_known_of_another_readout_is_told(tmp_path: Path) -> None:
    problem = cases.regression()
    survey(problem, Plane.random(problem), (3, 3), overlays=("perplexity",), store=tmp_path / "land")
    found = read_landscape(tmp_path / "land", None, ("density", "probability"))
    reasons = json.loads(found.attrs["unavailable"])
    assert reasons["density"] == reasons["perplexity"]
    assert reasons["probability"] == NOT_YET  # whether there are classes is not known without the network


def test_a_network_that_does_not_stand_what_is_new_keeps_the_rest(tmp_path: Path) -> None:
    problem = Problem(cases.initialised(Branching()), cases.normal(6, 3), cases.labels(6, classes=3))
    plane = Plane.random(problem)
    first = survey(problem, plane, (3, 3), overlays=("slope",), effort=FEW, store=tmp_path / "land")
    land = survey(problem, plane, (3, 3), overlays=("slope", "density"), effort=FEW, store=tmp_path / "land")
    assert "belong together" in json.loads(land.attrs["unavailable"])["density_coverage"]
    np.testing.assert_array_equal(land["slope"].values, first["slope"].values)
    assert np.isfinite(land["density"].values).all()
