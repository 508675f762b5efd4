"""Claim 1: planted triples rank first, the identity is seen as one, recipes are trained as they say, and the rule by hand."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from lossnav.core.claims import NOT_SUPPORTED, SUPPORTED, UNDECIDED, claim_of, collapse, regression
from lossnav.core.claims.forgetting import FACTORS, Draw, trained
from lossnav.core.claims.regression import MODELS, QUADRATIC, foretold, rank_normal, share_explained
from sklearn.metrics import r2_score

CLAIM = claim_of("collapse")


def planted_scores(count: int = 150) -> dict[str, np.ndarray]:
    """Three independent readouts, and the others made of them."""
    generator = np.random.default_rng(0)
    a, b, c = generator.normal(size=(3, count))
    noise = 0.1 * generator.normal(size=(3, count))
    columns = {
        "density": a,
        "coupling": b,
        "elasticity": c,
        "perplexity": np.exp(a),
        "probability": a + b * c + noise[0],
        "viscosity": b + c**2 / 2 + noise[1],
        "memory": c - a + noise[2],
    }
    return {name: rank_normal(values) for name, values in columns.items()}


def test_a_planted_triple_is_first_and_foretells_the_rest() -> None:
    scores = planted_scores()
    found = collapse._triples(scores)
    assert len(found["triples"]) == 20
    assert not any("perplexity" in name for name in found["triples"])
    assert found["rank"] == 1
    assert found["first"] >= 0.95
    assert found["below"] == 0
    assert collapse._r2(scores["probability"], collapse._from(scores, collapse.THREE, "probability"))[1] > 0.8


def test_an_independent_readout_is_not_foretold() -> None:
    scores = planted_scores()
    noise = {**scores, "memory": np.random.default_rng(5).normal(size=150)}
    assert collapse._r2(noise["memory"], collapse._from(noise, collapse.THREE, "memory"))[2] < 0.3


@pytest.mark.parametrize("model", MODELS)
def test_every_model_foretells_what_is_nearly_linear(model: str) -> None:
    generator = np.random.default_rng(1)
    x = generator.normal(size=(80, 3))
    y = x @ [1.0, -0.5, 0.2] + 0.1 * generator.normal(size=80)
    found = foretold(x, y, model)
    assert share_explained(y, found) > 0.6
    assert share_explained(y, found) == pytest.approx(r2_score(y, found))
    if model == QUADRATIC:
        assert share_explained(y, found) > 0.95


def test_ranks_decide_and_ties_share_them() -> None:
    values = np.array([[0.0, 1.0], [0.0, 1e9], [5.0, -1.0], [7.0, 2.0]])
    found = rank_normal(values)
    assert found[0, 0] == found[1, 0]
    np.testing.assert_array_equal(found[:, 1], rank_normal(np.arctan(values[:, 1:]))[:, 0])


def test_components_of_independent_columns_are_within_chance() -> None:
    found, chance = regression.parallel_analysis(np.random.default_rng(2).normal(size=(300, 7)), 99)
    assert found.sum() == pytest.approx(7)
    assert (found[:2] < chance[:2] + 0.1).all()


def test_recipes_are_drawn_independently_and_within_their_ranges() -> None:
    draws = [Draw.of(k, k) for k in range(600)]
    rows = np.stack([draw.factors for draw in draws])
    free = [k for k, name in enumerate(FACTORS) if name != "width"]
    correlations = np.corrcoef(rows[:, free], rowvar=False) - np.eye(len(free))
    assert np.abs(correlations).max() < 0.15
    assert 0.1 < np.mean([draw.pull == 0 for draw in draws]) < 0.2
    assert all(60 <= draw.examples <= 512 and 150 <= draw.steps <= 1500 and draw.pull <= 30 for draw in draws)
    assert Draw.of(7, 7) == Draw.of(7, 7)


def test_a_network_keeps_its_path_and_is_pulled_back() -> None:
    own = Draw(3, 6, 80, 1.0, 0.0, 1e-4, 0.1, 160)
    free, pulled = (trained(Draw(**{**vars(own), "pull": pull})) for pull in (0.0, 30.0))
    for problem in (free, pulled):
        assert problem.trajectory is not None
        assert problem.anchor is not None
        assert list(problem.trajectory.steps) == [*range(0, 360, 25), 360]
        last = problem.trajectory.at(len(problem.trajectory) - 1)
        assert all(torch.equal(last[name], value) for name, value in problem.parameters.items())
        at_anchor = problem.trajectory.at(8)  # after 200 steps
        assert all(torch.equal(at_anchor[name], value) for name, value in problem.anchor.parameters.items())

    def away(problem: Any) -> float:
        anchor = problem.anchor
        return sum(
            float((anchor.fisher[n] * (v - anchor.parameters[n]) ** 2).sum()) for n, v in problem.parameters.items()
        )

    assert away(pulled) < 0.5 * away(free)


def test_readouts_of_a_network_are_whole() -> None:
    draw = Draw(3, 6, 80, 1.0, 0.5, 1e-4, 0.1, 160)
    found, problem = collapse.readouts(draw), trained(draw)
    from lossnav.core import spectrum

    assert float(found["viscosity"]) == pytest.approx(spectrum(problem, method="exact").top[0], rel=1e-9)
    assert float(found["perplexity"]) == pytest.approx(np.exp(float(found["density"])), rel=1e-12)
    assert problem.anchor is not None
    pull = sum(
        float((problem.anchor.fisher[n] * (v - problem.anchor.parameters[n]) ** 2).sum())
        for n, v in problem.parameters.items()
    )
    assert float(found["elasticity"]) == pytest.approx(0.5 * pull, rel=1e-5)
    assert found["tortuosity"] >= 1
    assert 0 < found["memory"] <= 1


GOOD, MIDDLE, BAD = [0.9, 0.85, 0.95], [0.7, 0.6, 0.8], [0.3, 0.1, 0.45]


def reading(r2: list[float], first: float, below: float) -> dict[str, Any]:
    return {
        "models": {QUADRATIC: {name: list(r2) for name in collapse.JUDGED}},
        "rank": 1,
        "first": first,
        "below": below,
    }


def findings(one: dict[str, Any], two: dict[str, Any]) -> dict[str, Any]:
    fine = {"identity_error": 1e-16, "least_viscosity": 0.1, "left_out": 0.0, "estimated": 1e-15, "shuffled": -0.1}
    return {**fine, "readings": {"divergence": copy.deepcopy(one), "coverage": copy.deepcopy(two)}}


@pytest.mark.parametrize(
    ("one", "two", "verdict"),
    [
        (reading(GOOD, 0.97, 0.0), reading(GOOD, 0.97, 0.0), SUPPORTED),
        (reading(GOOD, 0.97, 0.0), reading(GOOD, 0.90, 0.1), UNDECIDED),
        (reading(GOOD, 0.97, 0.0), reading(BAD, 0.0, 1.0), UNDECIDED),
        (reading(BAD, 0.5, 0.5), reading(BAD, 0.5, 0.5), NOT_SUPPORTED),
        (reading(GOOD, 0.0, 0.99), reading(BAD, 0.5, 0.5), NOT_SUPPORTED),
        (reading(MIDDLE, 0.5, 0.5), reading(BAD, 0.0, 1.0), UNDECIDED),
    ],
)
def test_the_rule(one: dict[str, Any], two: dict[str, Any], verdict: str) -> None:
    assert CLAIM.decide(findings(one, two)).verdict == verdict


def test_perplexity_decides_nothing_and_one_bad_readout_is_enough() -> None:
    found = findings(reading(GOOD, 0.97, 0.0), reading(GOOD, 0.97, 0.0))
    for each in found["readings"].values():
        each["models"][QUADRATIC]["perplexity"] = [0.0, -1.0, 0.1]
    assert CLAIM.decide(found).verdict == SUPPORTED
    for each in found["readings"].values():
        each["models"][QUADRATIC]["memory"] = BAD
    assert CLAIM.decide(found).verdict == NOT_SUPPORTED


@pytest.mark.parametrize(
    ("control", "change"),
    [
        ("identity", {"identity_error": 1e-3}),
        ("nothing estimated", {"estimated": 1e-3}),
        ("left out", {"left_out": 0.1}),
        ("shuffled", {"shuffled": 0.2}),
    ],
)
def test_a_control_that_fails_is_named(control: str, change: dict[str, float]) -> None:
    found = CLAIM.decide({**findings(reading(BAD, 0.5, 0.5), reading(BAD, 0.5, 0.5)), **change})
    assert (found.verdict, found.failed) == (UNDECIDED, (control,))
