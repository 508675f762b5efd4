"""A landscape that was begun on more examples than an effort affords now goes on on these."""

from dataclasses import replace
from pathlib import Path

import cases
import numpy as np
import pytest
from lossnav.core import Estimation, InputError, Plane, survey
from lossnav.core.local.samples import example_flops
from lossnav.core.survey import Specification, as_begun
from lossnav.core.survey.reading import read_points

PROBLEM = cases.smooth(n=40)
PLANE = Plane.random(PROBLEM)
EACH = example_flops(PROBLEM)
BEGUN = Estimation(probes=3, steps=2, examples=6, descent_steps=3, pass_flops=30 * EACH)
FEWER = replace(BEGUN, pass_flops=12 * EACH)


def specification(estimation: Estimation, overlays: tuple[str, ...] = ("viscosity",)) -> Specification:
    return Specification(PROBLEM, PLANE, (5, 5), overlays, effort=estimation)


@pytest.fixture
def begun(tmp_path: Path) -> Path:
    survey(PROBLEM, PLANE, (5, 5), overlays=("viscosity",), effort=BEGUN, store=tmp_path / "land")
    return tmp_path / "land"


def test_it_goes_on_on_the_examples_it_was_begun_on(begun: Path) -> None:
    assert as_begun(specification(FEWER), begun).estimation == BEGUN
    more = ("viscosity", "coupling")
    found = survey(PROBLEM, PLANE, (5, 5), overlays=more, effort=FEWER, store=begun)
    alone = survey(PROBLEM, PLANE, (5, 5), overlays=more, effort=BEGUN)
    np.testing.assert_array_equal(found.viscosity, alone.viscosity)
    np.testing.assert_array_equal(found.coupling, alone.coupling)
    assert read_points(begun).info.estimation["examples"] == 30  # type: ignore[index]


@pytest.mark.parametrize(
    "asked",
    [
        replace(BEGUN, pass_flops=35 * EACH),  # more examples
        replace(BEGUN, pass_flops=0.0),  # a number that was asked for itself
        replace(FEWER, probes=4),
        replace(FEWER, coordinates="parameters"),
    ],
)
def test_any_other_is_another_landscape(begun: Path, asked: Estimation) -> None:
    assert as_begun(specification(asked), begun).estimation == asked
    with pytest.raises(InputError):
        survey(PROBLEM, PLANE, (5, 5), overlays=("viscosity",), effort=asked, store=begun)


def test_what_is_measured_anew_is_measured_as_asked(begun: Path, tmp_path: Path) -> None:
    from lossnav.core.survey import surveyed

    surveyed(specification(FEWER), begun, overwrite=True)
    assert read_points(begun).info.estimation["examples"] == 12  # type: ignore[index]


def test_where_nothing_can_be_read_nothing_changes(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "zarr.json").write_text("{", encoding="utf-8")
    for place in ("nowhere", "empty", "other"):
        spec = specification(FEWER)
        assert as_begun(spec, tmp_path / place) is spec
