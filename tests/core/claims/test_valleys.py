"""Claim 4: ranks given a third, terrains against the whole matrix, and the rule."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from lossnav.core.claims import NOT_SUPPORTED, SUPPORTED, UNDECIDED, claim_of, valleys
from lossnav.core.claims.population import SHAPE
from scipy.stats import spearmanr

CLAIM = claim_of("valleys")


def test_two_bowls_correlate_and_given_radius_they_do_not() -> None:
    generator = np.random.default_rng(0)
    radius = generator.random(400)
    x, y = (radius**2 + 0.05 * generator.normal(size=400) for _ in range(2))
    assert spearmanr(x, y).statistic > 0.8
    assert abs(valleys.partial_rank_correlation(x, y, radius)) < 0.2  # what a quadratic leaves of a curve in ranks
    assert valleys.partial_rank_correlation(x, y + 3 * x, radius) > 0.8


def test_terrains_are_summed_up_by_terrain() -> None:
    generator = np.random.default_rng(1)
    sure = generator.normal(size=(8, 121))
    table = {
        "probability": sure,
        "viscosity": -sure + 0.5 * generator.normal(size=(8, 121)),
        "loss": generator.random((8, 121)),
        "radius": generator.random((8, 121)),
    }
    found = valleys._terrains(table)
    assert found["raw"]["mean"][2] < -0.7
    assert found["raw"]["p"] == pytest.approx(2 / 2**8)
    assert abs(found["of another terrain"]["mean"][0]) < 0.1
    assert found["raw"]["values"][3] == pytest.approx(spearmanr(sure[3], table["viscosity"][3]).statistic)


def test_a_population_has_its_recipes_means_removed() -> None:
    """Simpson: recipes that differ in both make a correlation that neither has."""
    generator = np.random.default_rng(2)
    labels = np.repeat([-1, 1], 100)
    sure, sharp = generator.normal(size=(2, 200)) + 3 * labels
    table = {"label": labels}
    for arm in ("stop", "late"):
        spectrum = np.exp(np.stack([np.zeros(200), sharp], 1))
        table |= {f"{arm}_loss": np.full(200, 0.1), f"{arm}_confidence": sure, f"{arm}_spectrum": spectrum}
    assert spearmanr(sure, sharp).statistic > 0.6
    for found in valleys._population("x", table, 199):
        assert abs(found["rho"]) < 0.2
        assert found["p"] > 0.01
    table |= {"late_confidence": sharp, "stop_confidence": -sharp}
    stop, late = valleys._population("x", table, 199)
    assert (late["rho"], stop["rho"]) == (pytest.approx(1), pytest.approx(-1))
    assert late["p"] == stop["p"] == 1 / 200


def findings(mean: list[float], p: float, positive: int) -> dict[str, Any]:
    each = {"values": [0.0] * 24, "mean": mean, "p": p}
    terrains = dict.fromkeys(("raw", "given radius", "given loss", "of another terrain", "own minus other"), each)
    populations = [{"name": str(k), "arm": "late", "rho": 0.1 if k < positive else -0.1, "p": 0.5} for k in range(24)]
    return {
        "terrains": terrains,
        "populations": populations,
        "examples": [{"rho": -0.8}],
        "centre": 1e-6,
        "loss_error": 1e-15,
    }


@pytest.mark.parametrize(
    ("mean", "p", "positive", "verdict"),
    [
        ([0.4, 0.3, 0.5], 0.001, 18, SUPPORTED),
        ([0.4, 0.3, 0.5], 0.001, 17, UNDECIDED),
        ([0.4, -0.3, 0.9], 0.2, 24, UNDECIDED),
        ([-0.4, -0.5, -0.3], 0.001, 24, NOT_SUPPORTED),
        ([-0.2, -0.5, 0.1], 0.2, 0, UNDECIDED),
        ([0.02, -0.05, 0.08], 0.4, 24, NOT_SUPPORTED),
        ([0.06, 0.02, 0.12], 0.04, 12, UNDECIDED),
    ],
)
def test_the_rule(mean: list[float], p: float, positive: int, verdict: str) -> None:
    assert CLAIM.decide(findings(mean, p, positive)).verdict == verdict


@pytest.mark.parametrize(("control", "change"), [("centre", {"centre": 0.02}), ("equal loss", {"loss_error": 1e-6})])
def test_a_control_that_fails_is_named(control: str, change: dict[str, float]) -> None:
    found = CLAIM.decide({**findings([0.4, 0.3, 0.5], 0.001, 24), **change})
    assert (found.verdict, found.failed) == (UNDECIDED, (control,))


def test_an_examples_own_sharpness_is_the_librarys() -> None:
    import torch
    from lossnav.core import Problem, spectrum
    from lossnav.core.claims.population import data_of

    theta, data = 0.5 * np.random.default_rng(0).normal(size=(1, SHAPE.parameters)), data_of("digits")
    (found,) = valleys._examples("digits", theta)
    model = SHAPE.module(torch.from_numpy(theta[0]))
    one = Problem(model, data.inputs[5:6], data.targets[5:6], loss="cross_entropy")
    assert found["lambda_max"][5] == pytest.approx(spectrum(one, method="exact").top[0], rel=1e-10)
    assert found["confidence"][5] == pytest.approx(float(model(data.inputs[5]).softmax(0).max().detach()))
    assert len(found["lambda_max"]) == valleys.EXAMPLES


@pytest.mark.slow
def test_a_terrain_is_the_whole_matrixs_at_the_centre_and_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch
    from lossnav.core import Plane, Problem
    from lossnav.core.claims.population import data_of, hessians

    monkeypatch.setattr(valleys, "POINTS", 3)
    theta = 0.5 * np.random.default_rng(0).normal(size=SHAPE.parameters)
    found = valleys.terrain("digits", theta, 4)
    assert found["centre"] == pytest.approx(1, abs=1e-3)
    data = data_of("digits")
    plane = Plane.random(
        Problem(SHAPE.module(torch.from_numpy(theta)), data.inputs, data.targets, loss="cross_entropy"), seed=4
    )
    corner = torch.cat([each.flatten() for each in plane.at(-1.0, 1.0).values()])[None]
    whole = torch.linalg.eigvalsh(hessians(SHAPE, corner, data.inputs, data.targets)[0])[-1]
    assert found["viscosity"][2] == pytest.approx(float(whole), rel=1e-2)
    assert found["radius"][[0, 4]].tolist() == pytest.approx([2**0.5, 0])
