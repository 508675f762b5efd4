"""Claim 5: arrangements keep the amount, rotations the spectrum; the sweep and the share are the library's; the rule by hand."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from lossnav.core import Problem
from lossnav.core.claims import NOT_SUPPORTED, SUPPORTED, UNDECIDED, claim_of, coupling
from lossnav.core.claims.population import LEVELS, SHAPE, data_of, hessians
from lossnav.core.curvature.layers import Layers
from lossnav.core.spectrum import coupling_sweep
from lossnav.core.spectrum.coupling import exact_coupling
from sklearn.linear_model import LinearRegression

CLAIM = claim_of("coupling")
THETA = 0.5 * np.random.default_rng(0).normal(size=SHAPE.parameters)


@pytest.fixture(scope="module")
def matrix() -> np.ndarray:
    data = data_of("digits")
    return hessians(SHAPE, torch.from_numpy(THETA)[None], data.inputs, data.targets)[0].numpy()


@pytest.mark.parametrize("name", coupling.NULLS)
def test_arrangements_keep_the_diagonal_and_the_amount(name: str, matrix: np.ndarray) -> None:
    found = coupling.NULLS[name](matrix, np.random.default_rng(1))
    np.testing.assert_array_equal(np.diag(found), np.diag(matrix))
    np.testing.assert_array_equal(found, found.T)
    assert coupling.share_of(found) == pytest.approx(coupling.share_of(matrix), rel=1e-12)
    assert not np.allclose(found, matrix)
    if name == "entries permuted":
        upper = np.triu_indices(len(matrix), 1)
        np.testing.assert_array_equal(np.sort(found[upper]), np.sort(matrix[upper]))
    if name == "random signs":
        np.testing.assert_array_equal(np.abs(found), np.abs(matrix))


def test_what_is_measured_of_a_matrix_is_the_librarys(matrix: np.ndarray) -> None:
    found = coupling._of_matrix(0, ("digits", THETA), 2)
    data = data_of("digits")
    problem = Problem(SHAPE.module(torch.from_numpy(THETA)), data.inputs, data.targets, loss="cross_entropy")
    sweep = coupling_sweep(problem, gammas=coupling.GAMMAS, exact=True, device="cpu")
    np.testing.assert_allclose(found["sweep"], sweep.sel(rank=1).values, rtol=1e-12)
    layers = Layers(("all",), torch.zeros(len(matrix), dtype=torch.long))
    assert found["share"] == pytest.approx(
        exact_coupling(torch.from_numpy(matrix), layers).offdiagonal.value, rel=1e-12
    )
    assert found["rotated_spectrum_error"] < 1e-12
    assert max(null["share_error"] for null in found["nulls"].values()) < 1e-12
    assert np.mean(found["rotated_squares"]) == pytest.approx(found["haar_squares"], rel=0.05)


def test_r_squared_is_scikit_learns() -> None:
    generator = np.random.default_rng(0)
    x, z = generator.normal(size=(2, 200))
    y = x - 0.5 * z + generator.normal(size=200)
    rows = np.stack([x, z], 1)
    found = coupling.explained(y, x, z)
    assert found.value == pytest.approx(LinearRegression().fit(rows, y).score(rows, y), rel=1e-10)
    assert found.low < found.value < found.high


def test_the_coupling_readouts_logit_is_the_librarys_kappa() -> None:
    share, count = 0.7, SHAPE.parameters
    kappa = np.sqrt(share / ((count - 1) * (1 - share)))
    assert np.log(share / (1 - share)) == pytest.approx(2 * np.log(kappa) + np.log(count - 1))


def findings(r2: list[float], ratio: list[float], added: list[float]) -> dict[str, Any]:
    matrix = {
        "sweep": [0.1, 0.3, 0.5, 0.7, 1.0],
        "nulls": {name: {"ratio": ratio[0], "share_error": 1e-16, "bulk": 1.0} for name in coupling.NULLS},
        "rotated_spectrum_error": 1e-15,
        "rotated_squares": [0.99, 1.01, 1.02],
        "haar_squares": 1.0,
    }
    arm = {"r2": {"coupling": r2}, "shown": [[0.0], [1.0]]}
    return {
        "arms": {name: copy.deepcopy(arm) for name in LEVELS},
        "matrices": [copy.deepcopy(matrix) for _ in range(3)],
        "medians": {"added": added, "nulls": {name: list(ratio) for name in coupling.NULLS}},
        "loss_error": 1e-15,
    }


HIGH, LOW, BETWEEN = [0.8, 0.7, 0.9], [0.2, 0.1, 0.3], [0.5, 0.4, 0.6]


@pytest.mark.parametrize(
    ("r2", "ratio", "added", "verdict"),
    [
        (HIGH, [1.0, 0.9, 1.1], HIGH, SUPPORTED),
        (HIGH, [1.0, 0.9, 1.1], LOW, UNDECIDED),
        (LOW, [0.3, 0.2, 0.4], HIGH, NOT_SUPPORTED),
        (LOW, [1.5, 1.4, 1.6], HIGH, NOT_SUPPORTED),
        (LOW, [1.0, 0.9, 1.1], HIGH, UNDECIDED),
        (HIGH, [0.3, 0.2, 0.4], HIGH, UNDECIDED),
        (BETWEEN, [0.3, 0.2, 0.4], HIGH, UNDECIDED),
    ],
)
def test_the_rule(r2: list[float], ratio: list[float], added: list[float], verdict: str) -> None:
    found = CLAIM.decide(findings(r2, ratio, added))
    assert (found.verdict, found.failed) == (verdict, ())
    assert ("its amount does not set it" in found.sentence) == (added == HIGH and not 0.8 <= ratio[0] <= 1.25)


def test_one_arrangement_is_enough_and_one_arm_is_not() -> None:
    found = findings(LOW, [1.0, 0.9, 1.1], HIGH)
    found["medians"]["nulls"]["random signs"] = [0.5, 0.4, 0.6]
    assert coupling.parts(found) == {"a": True, "b": False, "c": False}
    found["arms"]["late"]["r2"]["coupling"] = HIGH
    assert coupling.parts(found)["b"] is None


@pytest.mark.parametrize(
    ("control", "spoil"),
    [
        ("amount kept", lambda f: f["matrices"][0]["nulls"]["random signs"].update(share_error=1e-3)),
        ("spectrum kept", lambda f: f["matrices"][1].update(rotated_spectrum_error=1e-3)),
        ("Haar", lambda f: [m.update(rotated_squares=[1.5, 1.51, 1.49]) for m in f["matrices"]]),
        ("equal loss", lambda f: f.update(loss_error=1e-3)),
    ],
)
def test_a_control_that_fails_is_named(control: str, spoil: Any) -> None:
    found = findings(LOW, [0.3, 0.2, 0.4], HIGH)
    spoil(found)
    verdict = CLAIM.decide(found)
    assert (verdict.verdict, verdict.failed) == (UNDECIDED, (control,))
