"""Readouts against direct computation, and one contract for every property in PROPERTIES."""

from __future__ import annotations

import json
import math

import cases
import numpy as np
import pytest
import reference
import torch
from lossnav.core import PROPERTIES, Gaussian, InputError, Plane, Problem, Settings, survey
from lossnav.core.properties import NavigatorProperty
from lossnav.core.properties.needs import missing, unavailable
from lossnav.core.properties.probability import LADDER
from lossnav.core.properties.registry import OWNERS, owner_of
from lossnav.core.properties.vocabulary import ROLES
from lossnav.core.survey.landscape import landscape
from lossnav.core.survey.points import MeasuredPoints
from lossnav.core.survey.reading import read_landscape, read_points
from torch import Tensor, nn
from xarray import Dataset

SPAN = ((-1.0, 1.0), (-0.5, 1.5))


def measured(problem: Problem, plane: Plane, tmp_path: object, overlays: tuple[str, ...] = ("all",)) -> MeasuredPoints:
    survey(problem, plane, (4, 3), SPAN, overlays=overlays, store=f"{tmp_path}/land")
    return read_points(f"{tmp_path}/land")


def points_of(land: Dataset, plane: Plane) -> list[tuple[int, int, dict[str, Tensor]]]:
    return [
        (i, j, plane.at(float(a), float(b)))
        for i, a in enumerate(land.alpha.values)
        for j, b in enumerate(land.beta.values)
    ]


def constant_logits(logits: list[float]) -> Problem:
    model = nn.Linear(2, len(logits)).double()
    with torch.no_grad():
        model.weight.zero_()
        model.bias.copy_(torch.tensor(logits))
    return Problem(model, cases.normal(6, 2), cases.labels(6, classes=len(logits)))


# Perplexity


@pytest.mark.parametrize("k", [2, 5, 11])
def test_uniform_outputs_have_perplexity_k_exactly(k: int) -> None:
    problem = constant_logits([0.0] * k)
    plane = Plane.random(problem, normalize="none")
    land = survey(problem, plane, (1, 1), ((0, 0), (0, 0)), overlays=("perplexity", "probability"))
    assert land["perplexity"].item() == pytest.approx(k, rel=1e-14)
    assert land["probability"].item() == pytest.approx(1 / k, rel=1e-14)
    assert land["probability_entropy"].item() == pytest.approx(1.0, rel=1e-14)


@pytest.mark.parametrize("case", ["classifier", "tied tokens", "gaussian", "soft labels"])
def test_perplexity_is_the_exponential_of_the_loss(case: str) -> None:
    problem = cases.CASES[case]()
    land = survey(problem, Plane.random(problem), (3, 3), overlays=("perplexity",))
    assert land["perplexity"].values == pytest.approx(np.exp(land["loss"].values), rel=1e-12)
    assert land["perplexity"].values == pytest.approx(2 ** (land["loss"].values / math.log(2)), rel=1e-12)


@pytest.mark.parametrize("overlay", ["perplexity", "perplexity_excess", "density", "probability", "elasticity_l2"])
def test_each_overlay_stands_alone(overlay: str) -> None:
    problem = cases.classifier()
    plane = Plane.random(problem)
    alone, among = (survey(problem, plane, (2, 2), overlays=o)[overlay] for o in ((overlay,), ("all",)))
    assert np.array_equal(alone.values, among.values)


def test_excess_is_the_exponential_of_the_divergence() -> None:
    problem = cases.with_law()
    land = survey(problem, Plane.random(problem), (3, 2), overlays=("perplexity", "density"))
    assert land["perplexity_excess"].values == pytest.approx(np.exp(land["density"].values), rel=1e-12)


def test_a_loss_beyond_the_exponential_is_infinite_perplexity() -> None:
    problem = constant_logits([0.0, 6000.0])
    land = survey(problem, Plane.random(problem, normalize="none"), (1, 1), ((0, 0), (0, 0)), overlays=("perplexity",))
    assert land["loss"].item() > 710
    assert land["perplexity"].item() == np.inf


# Density


def test_divergence_from_one_hot_labels_is_the_loss() -> None:
    problem = cases.classifier()
    land = survey(problem, Plane.random(problem), (3, 2), overlays=("density",))
    assert np.array_equal(land["density"].values, land["loss"].values)


def test_divergence_from_soft_labels() -> None:
    problem = cases.soft()
    plane = Plane.random(problem)
    land = survey(problem, plane, (2, 2), SPAN, overlays=("density",))
    for i, j, point in points_of(land, plane):
        q = reference.outputs(problem, point).log_softmax(-1)
        expected = nn.functional.kl_div(q, problem.targets, reduction="batchmean")
        assert float(land["density"][i, j]) == pytest.approx(float(expected), rel=1e-10)


def test_divergence_with_a_stated_entropy() -> None:
    problem = cases.classifier(data_entropy=0.25)
    land = survey(problem, Plane.random(problem), (3, 2), overlays=("density",))
    assert land["density"].values == pytest.approx(land["loss"].values - 0.25, abs=1e-14)


def test_divergence_from_a_known_law_is_exact() -> None:
    problem = cases.with_law()
    plane = Plane.random(problem)
    land = survey(problem, plane, (3, 2), SPAN, overlays=("density",), batch_size=5)
    for i, j, point in points_of(land, plane):
        assert float(land["density"][i, j]) == pytest.approx(reference.kl_to_law(problem, point), rel=1e-10)


def test_divergence_of_a_model_that_gives_the_law_is_zero() -> None:
    law = cases.normal(4, seed=3).softmax(-1)
    problem = constant_logits(law.log().tolist())
    problem = Problem(problem.model, problem.inputs[0], problem.targets, law=law.expand(6, 4))
    land = survey(problem, Plane.random(problem, normalize="none"), (3, 1), ((-1, 1), (0, 0)), overlays=("density",))
    assert abs(float(land["density"][1, 0])) < 1e-15
    assert float(land["density"][0, 0]) > 1e-3


def test_divergence_for_tokens_leaves_ignored_ones_out() -> None:
    plain = cases.tokens()
    law = cases.normal(5, 7, 6, seed=4).softmax(-1)
    problem = Problem(plain.model, plain.inputs[0], plain.targets, law=law)
    land = survey(problem, Plane.random(problem), (1, 1), ((0, 0), (0, 0)), overlays=("density",), batch_size=2)
    q = reference.outputs(problem, problem.parameters).log_softmax(-1)
    each = (law * (law.log() - q)).sum(-1)[problem.targets != -100]
    assert land["density"].item() == pytest.approx(float(each.mean()), rel=1e-12)


# Probability


@pytest.mark.parametrize("case", ["classifier", "tied tokens", "convolution", "soft labels"])
@pytest.mark.parametrize("temperature", LADDER)
def test_on_a_rung_of_the_ladder_the_number_is_exact(case: str, temperature: float, tmp_path: object) -> None:
    problem = cases.CASES[case]()
    plane = Plane.random(problem, seed=2)
    land = landscape(measured(problem, plane, tmp_path, ("probability",)), Settings(temperature=temperature))
    for i, j, point in points_of(land, plane):
        confidence, entropy = reference.confidence_and_entropy(problem, point, temperature)
        assert float(land["probability"][i, j]) == pytest.approx(confidence, abs=1e-10)
        assert float(land["probability_entropy"][i, j]) == pytest.approx(entropy, abs=1e-10)


@pytest.mark.parametrize("temperature", [0.3, 0.6, 0.9, 1.1, 1.7, 2.4, 3.7])
def test_between_rungs_the_error_is_within_what_is_stated(temperature: float, tmp_path: object) -> None:
    problem = cases.classifier()
    plane = Plane.random(problem, seed=2)
    land = landscape(measured(problem, plane, tmp_path, ("probability",)), Settings(temperature=temperature))
    for i, j, point in points_of(land, plane):
        truth = reference.confidence_and_entropy(problem, point, temperature)
        for name, expected in zip(("probability", "probability_entropy"), truth, strict=True):
            stated = land[name].attrs["interpolation_error"]
            assert 0 < stated < 0.02
            assert abs(float(land[name][i, j]) - expected) <= stated


def test_temperature_outside_the_ladder_is_refused(tmp_path: object) -> None:
    problem = cases.classifier()
    points = measured(problem, Plane.random(problem), tmp_path)
    with pytest.raises(InputError, match=r"0\.25 to 4, but is 5"):
        landscape(points, Settings(temperature=5.0))


def test_excluded_classes_count_as_nothing(tmp_path: object) -> None:
    class Masked(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Linear(3, 4)

        def forward(self, x: Tensor) -> Tensor:
            return torch.cat([self.inner(x)[:, :3], torch.full((len(x), 1), -torch.inf).to(x)], 1)

    problem = Problem(cases.initialised(Masked()), cases.normal(7, 3), cases.labels(7, classes=3))
    plane = Plane.random(problem)
    for temperature in (0.5, 1.0):
        land = landscape(measured(problem, plane, tmp_path, ("probability",)), Settings(temperature=temperature))
        for i, j, point in points_of(land, plane):
            confidence, entropy = reference.confidence_and_entropy(problem, point, temperature)
            assert float(land["probability"][i, j]) == pytest.approx(confidence, abs=1e-10)
            assert float(land["probability_entropy"][i, j]) == pytest.approx(entropy, abs=1e-10)


def test_huge_logits_do_not_overflow() -> None:
    problem = constant_logits([3e4, -3e4, 0.0])
    plane = Plane.random(problem, normalize="none")
    land = survey(problem, plane, (1, 1), ((0, 0), (0, 0)), overlays=("probability",), dtype=torch.float32)
    assert land["probability"].item() == 1.0
    assert land["probability_entropy"].item() == 0.0


# The contract


def enabled(wanted: NavigatorProperty) -> Problem:
    """The first problem that allows most of a property's readouts."""
    found = (case() for case in (cases.with_anchor, cases.with_path, cases.with_law))
    return min(found, key=lambda problem: len(unavailable(wanted, problem)))


def test_names_knobs_and_roles() -> None:
    names = [owner.name for owner in OWNERS]
    knobs = [knob.name for owner in OWNERS for knob in owner.knobs]
    variables = [readout.variable for owner in OWNERS for readout in owner.readouts]
    for each in (names, knobs, variables):
        assert len(set(each)) == len(each)
    assert {p.entry.role for p in PROPERTIES} == set(ROLES)
    assert all(owner_of(readout.variable) is owner for owner in OWNERS for readout in owner.readouts)


@pytest.mark.parametrize("wanted", PROPERTIES, ids=lambda p: p.name)
def test_names_poles_and_words(wanted: NavigatorProperty) -> None:
    primary = wanted.readouts[0]
    assert primary.variable == wanted.name
    assert set(primary.poles) == set(wanted.entry.poles)
    names = [r.variable for r in wanted.readouts]
    assert len(set(names)) == len(names)
    for readout in wanted.readouts:
        assert readout.variable == wanted.name or readout.variable.startswith(f"{wanted.name}_{readout.name}")
        assert set(readout.poles) <= {"", *wanted.entry.poles}
        assert readout.scale in ("linear", "log", "symlog")
        assert readout.label
        assert readout.explain.endswith(".")
        assert all(isinstance(need(cases.classifier()), str | None) for need in readout.needs)


@pytest.mark.parametrize("wanted", PROPERTIES, ids=lambda p: p.name)
def test_what_is_available_is_finite_deterministic_and_ready_for_json(wanted: NavigatorProperty) -> None:
    problem = enabled(wanted)
    plane = Plane.random(problem, seed=1)
    lands = [survey(problem, plane, (3, 4), SPAN, overlays=(wanted.name,)) for _ in range(2)]
    reasons = unavailable(wanted, problem)
    for readout in wanted.readouts:
        assert (readout.variable in lands[0]) == (readout.variable not in reasons and not readout.asked)
        if readout.variable in lands[0]:
            first, second = (land[readout.variable] for land in lands)
            finite = first.values[np.isfinite(first.values)]
            assert (
                len(finite) == first.size or readout.variable == "elasticity_pull"
            )  # infinite where the task pulls too
            assert np.array_equal(first.values, second.values)
            assert np.ptp(finite) > 0 or readout.labels  # a constant would be a readout of nothing
            assert first.attrs["units"] == readout.unit
            assert (first.attrs["low_pole"], first.attrs["high_pole"]) == readout.poles
    json.dumps(wanted.facts(problem, plane), allow_nan=False)


@pytest.mark.parametrize("wanted", PROPERTIES, ids=lambda p: p.name)
@pytest.mark.parametrize("case", ["classifier", "regression", "gaussian", "custom"])
def test_a_missing_readout_has_its_reason(wanted: NavigatorProperty, case: str) -> None:
    problem = cases.CASES[case]()
    for readout in wanted.readouts:
        why = missing(readout, problem)
        if why is not None:
            assert why.endswith(".")
            assert "\n" not in why
            assert len(why) > 20


@pytest.mark.parametrize(
    ("name", "case", "words"),
    [
        ("memory", "classifier", "cannot be measured apart from viscosity"),
        ("perplexity", "regression", "state the variance"),
        ("density", "custom", "states no probability"),
        ("density", "gaussian", "data_entropy"),
        ("probability", "regression", "no softmax"),
        ("probability", "gaussian", "no softmax"),
        ("elasticity", "regression", "anchor"),
    ],
)
def test_the_reasons(name: str, case: str, words: str) -> None:
    problem = cases.CASES[case]()
    land = survey(problem, Plane.random(problem), (1, 2), overlays=(name,))
    assert name not in land
    assert words in json.loads(land.attrs["unavailable"])[name]


def test_gaussian_regression_has_a_perplexity_and_a_divergence_where_the_entropy_is_stated() -> None:
    problem = cases.regression(loss=Gaussian(0.5))
    land = survey(problem, Plane.random(problem), (1, 2), overlays=("perplexity", "density"))
    assert "perplexity" in land
    assert "density" not in land
    stated = Problem(problem.model, problem.inputs[0], problem.targets, loss=Gaussian(0.5), data_entropy=-0.75)
    land = survey(stated, Plane.random(stated), (1, 2), overlays=("density",))
    assert land["density"].values == pytest.approx(land["loss"].values + 0.75, rel=1e-12)


def test_settings_reach_a_landscape_read_from_disk(tmp_path: object) -> None:
    problem = cases.with_anchor()
    measured(problem, Plane.random(problem), tmp_path)
    one, two = (read_landscape(f"{tmp_path}/land", Settings(strength=s)) for s in (1.0, 2.0))
    assert two["elasticity"].values == pytest.approx(2 * one["elasticity"].values, rel=1e-12)
    assert json.loads(two.attrs["settings"])["strength"] == 2.0


def test_the_floor_is_the_entropy_of_the_known_law() -> None:
    problem = cases.with_law()
    land = survey(problem, Plane.random(problem), shape=(3, 3), overlays=("density", "perplexity"))
    assert problem.law is not None
    law = problem.law.double().flatten(0, -2)
    entropy = -sum(float(p) * math.log(float(p)) for row in law for p in row if p > 0) / len(law)
    assert land["loss"].attrs["floor"] == pytest.approx(entropy)
    assert land["perplexity"].attrs["floor"] == pytest.approx(math.exp(entropy))


def test_one_hot_labels_have_no_floor_to_draw() -> None:
    problem = cases.classifier()
    land = survey(problem, Plane.random(problem), shape=(3, 3), overlays=("density",))
    assert "floor" not in land["loss"].attrs
