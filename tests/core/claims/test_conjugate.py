"""Claim 3: variances against actual draws, splines and products by hand, and the rule."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from lossnav.core.claims import NOT_SUPPORTED, SUPPORTED, UNDECIDED, claim_of, conjugate
from lossnav.core.claims.population import SHAPE

CLAIM = claim_of("conjugate")
THETA = 0.5 * np.random.default_rng(0).normal(size=SHAPE.parameters)


def test_variances_are_those_of_actual_draws() -> None:
    found = conjugate._at("digits", THETA)
    generator = np.random.default_rng(1)
    from lossnav.core.claims.population import data_of, hessians
    from torch import from_numpy

    data = data_of("digits")
    matrix = hessians(SHAPE, from_numpy(THETA)[None], data.inputs, data.targets)[0].numpy()
    signs = generator.choice([-1.0, 1.0], (20_000, len(matrix)))
    images = signs @ matrix
    traces, norms = (signs * images).sum(1), np.square(images).sum(1)
    losses = generator.choice(conjugate.example_losses("digits", THETA), 20_000)
    for name, draws in (("trace", traces), ("norm", norms), ("loss", losses)):
        assert draws.mean() == pytest.approx(found[name], abs=5 * draws.std() / len(draws) ** 0.5)
        assert draws.var() == pytest.approx(found[f"{name}_variance"], rel=0.1)


def test_errors_by_hand() -> None:
    places = np.linspace(-1, 1, 129)
    assert conjugate.interpolation_error(places**3, 5) < 1e-12
    rough = np.sin(9 * places)
    coarse, fine = (conjugate.interpolation_error(rough, m) for m in (17, 33))
    assert fine < coarse / 10  # fourth order
    variance = np.full(129, 4.0)
    assert conjugate.sampling_error(rough, variance, 5, 16) == pytest.approx(0.5 / rough.std())
    row = {"smooth_loss": rough, "smooth_trace": rough, "smooth_trace_variance": variance}
    a, b = conjugate.errors(row, "smooth", "loss | trace", 130)
    assert len(a) == 5
    assert b[4] == pytest.approx(2 / np.sqrt(130 // 66) / rough.std())


def test_a_pair_that_shares_a_purse_has_no_floor() -> None:
    rough = np.sin(9 * np.linspace(-1, 1, 129))
    row = {f"smooth_{name}": rough for name in conjugate.FIELDS}
    row |= {f"smooth_{name}_variance": np.full(129, 4.0) for name in conjugate.FIELDS}
    for pair in conjugate.PAIRS:
        slope, correlation = conjugate._of_network(row, "smooth", pair)
        assert slope == pytest.approx(-0.55, abs=0.01)
        assert correlation < -0.9


def test_second_differences_are_an_uncertainty_relation_and_common_examples_escape_it() -> None:
    direction = np.random.default_rng(2).normal(size=SHAPE.parameters)
    found = conjugate._differences("digits", THETA, direction / np.linalg.norm(direction))
    steps = np.log(conjugate.STEPS[-4:])
    assert np.polyfit(steps, np.log(found["independent"][-4:]), 1)[0] == pytest.approx(-2, abs=0.05)
    assert np.polyfit(steps, np.log(found["common"][-4:]), 1)[0] == pytest.approx(0, abs=0.05)
    assert found["common"][-1] == pytest.approx(found["derivative"][-1], rel=0.01)


def findings(upper: float, slope: list[float], correlation: list[float], exact: bool = True) -> dict[str, Any]:
    span = {
        "mixed_slope": [upper - 0.1, upper - 0.2, upper],
        "slope_difference": slope,
        "correlation_difference": correlation,
    }
    return {
        "spans": {"smooth": span},
        "exact": exact,
        "untouched": True,
        "reference": 0.1,
        "probe_error": 1.0,
        "probe_variance": 1.0,
    }


NONE, MORE, LESS = [0.0, -0.1, 0.1], [0.2, 0.1, 0.3], [-0.2, -0.3, -0.1]


@pytest.mark.parametrize(
    ("upper", "slope", "correlation", "exact", "verdict"),
    [
        (-0.5, NONE, NONE, True, NOT_SUPPORTED),
        (-0.5, LESS, MORE, True, NOT_SUPPORTED),
        (-0.5, [1e-16, 5e-17, 2e-16], NONE, True, NOT_SUPPORTED),
        (-0.5, NONE, LESS, True, UNDECIDED),
        (-0.5, NONE, NONE, False, UNDECIDED),
        (-0.1, NONE, NONE, True, UNDECIDED),
        (0.0, MORE, NONE, True, SUPPORTED),
        (0.0, NONE, LESS, True, SUPPORTED),
        (0.0, NONE, NONE, True, UNDECIDED),
    ],
)
def test_the_rule(upper: float, slope: list[float], correlation: list[float], exact: bool, verdict: str) -> None:
    assert CLAIM.decide(findings(upper, slope, correlation, exact)).verdict == verdict


@pytest.mark.parametrize(
    ("control", "change"),
    [
        ("reference", {"reference": 0.3}),
        ("untouched", {"untouched": False}),
        ("estimates", {"probe_error": 3.0}),
        ("estimates", {"probe_variance": 1.5}),
    ],
)
def test_a_control_that_fails_is_named(control: str, change: dict[str, Any]) -> None:
    found = CLAIM.decide({**findings(-0.5, NONE, NONE), **change})
    assert (found.verdict, found.failed) == (UNDECIDED, (control,))


@pytest.mark.slow
def test_a_line_of_one_network_is_the_librarys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fields at the centre against the library, C, and that nothing was written to the network."""
    from lossnav.core import Problem, spectrum
    from lossnav.core.claims.population import data_of
    from torch import from_numpy

    monkeypatch.setattr(conjugate, "PLACES", 65)
    found = conjugate.fields("digits", THETA, 3)
    data = data_of("digits")
    problem = Problem(SHAPE.module(from_numpy(THETA)), data.inputs, data.targets, loss="cross_entropy")
    assert found["smooth_trace"][32] == pytest.approx(spectrum(problem, method="exact").trace, rel=1e-12)
    assert found["rough_loss"][32] == pytest.approx(found["smooth_loss"][32], rel=1e-14)
    assert bool(found["exact"])
    assert bool(found["untouched"])
    assert abs(float(found["probe_error"])) < 4
