"""Claim 2: planted effects are found, shuffled labels and functions of the spectrum are not, and the rule does what it says."""

from __future__ import annotations

import copy
import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from lossnav.core import InputError
from lossnav.core.claims import NOT_SUPPORTED, SUPPORTED, UNDECIDED, Plan, claim_of, memory
from lossnav.core.claims.population import REAL, SHAPE, data_of
from lossnav.core.claims.population.features import function_features, spectrum_features, weight_features
from lossnav.core.claims.statistics import kernels_of
from lossnav.core.claims.told_apart import Test, labels_of_spectrum, planted, principal

CLAIM = claim_of("memory")


def silent(*_: object) -> None:
    pass


def random_weights(count: int) -> np.ndarray:
    return 0.5 * np.random.default_rng(0).normal(size=(count, SHAPE.parameters))


def permuted(theta: np.ndarray, order: np.ndarray, signs: np.ndarray) -> np.ndarray:
    """The same function: hidden units in another order, and with other signs."""
    d, h, k = SHAPE.inputs, SHAPE.hidden, SHAPE.outputs
    first, bias, second, last = np.split(theta, [d * h, d * h + h, d * h + h + h * k], axis=1)
    n = len(theta)
    first = (first.reshape(n, h, d) * signs[:, None])[:, order].reshape(n, -1)
    second = (second.reshape(n, k, h) * signs)[:, :, order].reshape(n, -1)
    return np.concatenate([first, (bias * signs)[:, order], second, last], 1)


def test_weights_are_told_whatever_the_order_and_signs_of_hidden_units() -> None:
    theta, generator = random_weights(3), np.random.default_rng(1)
    turned = permuted(theta, generator.permutation(SHAPE.hidden), generator.choice([-1, 1], SHAPE.hidden))
    np.testing.assert_allclose(weight_features(SHAPE, turned), weight_features(SHAPE, theta), atol=1e-12)
    data = data_of("digits")
    np.testing.assert_allclose(
        function_features(SHAPE, data, turned), function_features(SHAPE, data, theta), atol=1e-12
    )
    assert weight_features(SHAPE, theta).shape == (3, 148)


def test_sorted_weights_do_not_know_classes_and_features() -> None:
    import torch
    from lossnav.core.claims.population.twins import mirrored_weights

    theta = random_weights(2)
    turned = mirrored_weights(SHAPE, torch.from_numpy(theta)).numpy()
    one, two = (weight_features(SHAPE, each, by_class=False) for each in (theta, turned))
    np.testing.assert_allclose(one, two, atol=1e-12)
    assert np.abs(weight_features(SHAPE, theta) - weight_features(SHAPE, turned)).max() > 0.01


def test_the_spectrums_scalars_are_of_the_spectrum() -> None:
    spectrum = np.sort(np.random.default_rng(2).normal(size=(2, 334)), 1)
    spectrum[:, -1] = 4.0
    found = spectrum_features(spectrum)[:, 334:]
    assert found[0, 1] == pytest.approx(np.log(4.0))
    assert found[1, 2] == pytest.approx(np.log((spectrum[1] ** 2).sum()))
    assert found[1, 5] == (spectrum[1] < 0).mean()


def spectrum_like(count: int, seed: int) -> np.ndarray:
    return np.random.default_rng([3, seed]).normal(size=(count, 12)) * np.geomspace(1, 0.1, 12)


def beside(labels: np.ndarray, v: np.ndarray, x: np.ndarray, seed: int, draws: int = 39) -> bool:
    gain = memory._as_json(Test(labels, kernels_of(v), draws, seed).beside(kernels_of(x)))
    return memory.is_beside(gain, gain["p"])


def test_a_planted_effect_is_found_beside_the_spectrum() -> None:
    found = 0
    for seed in range(6):
        v, x = spectrum_like(120, seed), spectrum_like(120, 100 + seed)
        labels, moved = planted(x, 0.85, np.random.default_rng(seed))
        found += beside(labels, v, moved, seed)
    assert found >= 5


def test_what_is_planted_is_told_by_the_best_rule_as_often_as_it_says() -> None:
    labels, moved = planted(spectrum_like(20_000, 0), 0.67, np.random.default_rng(0))
    gap = moved[labels > 0].mean(0) - moved[labels < 0].mean(0)
    assert ((moved @ gap > 0) == (labels > 0)).mean() == pytest.approx(0.67, abs=0.01)


def test_functions_of_the_spectrum_are_not_found_beside_it() -> None:
    """X copies much of V: it tells the label too, but nothing that V does not."""
    found = 0
    for seed in range(12):
        v = spectrum_like(80, seed)
        x = v + 0.3 * np.random.default_rng([5, seed]).normal(size=v.shape)
        found += beside(labels_of_spectrum(v, np.random.default_rng(seed)), v, x, seed)
    assert found <= 2  # 0.05 + 2 standard errors of twelve is 2.1


def test_labels_of_the_spectrum_are_told_by_it() -> None:
    v = spectrum_like(200, 1)
    labels = labels_of_spectrum(v, np.random.default_rng(0))
    assert Test(labels, kernels_of(v), 19, 0).accuracy().value > 0.75
    assert abs(labels.mean()) < 0.3


def test_principal_components_keep_the_distances() -> None:
    rows = spectrum_like(30, 2)
    standard = (rows - rows.mean(0)) / rows.std(0)
    np.testing.assert_allclose(principal(rows) @ principal(rows).T, standard @ standard.T, atol=1e-10)


def interval(value: float, reach: float = 0.02) -> list[float]:
    return [value, value - reach, value + reach]


def one_test(
    contrast: str, kind: str, gain: float = 0.2, p: float = 0.001, v: float = 0.6, data: str = "digits"
) -> dict[str, Any]:
    each = {
        "accuracy": interval(v + gain),
        "gain": interval(gain),
        "over": interval(gain),
        "bits": interval(gain),
        "p": p,
    }
    return {
        "data": data,
        "contrast": contrast,
        "kind": kind,
        "arm": "late",
        "networks": 400,
        "accuracy": {
            "V": interval(v),
            "W": interval(0.9),
            "F": interval(0.95),
            "sorted W": interval(0.5),
            "T": interval(1.0),
        },
        "p": {"V": 0.9, "W": 0.001, "F": 0.001, "sorted W": 0.9, "T": 0.001},
        "gains": {"W": dict(each), "F": dict(each)},
        "spread": interval(0.9),
        "lambda_max": [[1.0, 2.0], [1.0, 2.0]],
    }


def findings(*real: dict[str, Any]) -> dict[str, Any]:
    same = one_test("same", "negative control", 0.0, 0.9)
    same["p"] = dict.fromkeys(same["p"], 0.9)
    tests = [same, one_test("mirrored", "positive control", data="mirrored"), *real]
    memory._correct(tests)
    power = [{"best": best, "rate": 0.9, "replicates": 40} for best in memory.EFFECTS]
    only = {"rate": 0.05, "replicates": 40}
    return {
        "tests": tests,
        "data": ["digits"],
        "spectrum_only": only,
        "planted": power,
        "left_out": 0.0,
        "loss_error": 1e-15,
    }


def nothing(contrast: str) -> dict[str, Any]:
    found = one_test(contrast, REAL, 0.0, 0.9)
    found["p"] = dict.fromkeys(found["p"], 0.9)
    return found


def test_two_histories_beside_viscosity_refute_it_and_one_does_not() -> None:
    two = CLAIM.decide(findings(one_test("lr", REAL), one_test("adam", REAL)))
    assert (two.verdict, two.failed) == (NOT_SUPPORTED, ())
    assert "2 of 2 histories are beside viscosity on digits (adam, lr)" in two.sentence
    assert CLAIM.decide(findings(one_test("lr", REAL), nothing("adam"))).verdict == UNDECIDED


def test_without_any_it_is_supported_only_with_power() -> None:
    found = findings(nothing("lr"), nothing("adam"))
    assert CLAIM.decide(found).verdict == SUPPORTED
    found["planted"][0]["rate"] = 0.7
    assert CLAIM.decide(found).verdict == UNDECIDED


def test_the_same_two_must_be_beside_on_every_data_set() -> None:
    real = [one_test(name, REAL, data=data) for name, data in (("lr", "digits"), ("adam", "digits"), ("lr", "mixture"))]
    found = {**findings(*real, {**nothing("adam"), "data": "mixture"}), "data": ["digits", "mixture"]}
    assert CLAIM.decide(found).verdict == UNDECIDED


@pytest.mark.parametrize(
    ("control", "spoil"),
    [
        ("same", lambda f: f["tests"][0]["p_corrected"].update(V=0.01)),
        ("mirrored", lambda f: f["tests"][1]["p"].update(V=0.001)),
        ("mirrored", lambda f: f["tests"][1]["accuracy"].update(F=interval(0.8))),
        ("path", lambda f: f["tests"][2]["accuracy"].update(T=interval(0.7))),
        ("spectrum only", lambda f: f["spectrum_only"].update(rate=0.2)),
        ("equal loss", lambda f: f.update(loss_error=1e-6)),
        ("left out", lambda f: f.update(left_out=0.02)),
    ],
)
def test_a_control_that_fails_makes_it_undecided_and_is_named(control: str, spoil: Any) -> None:
    found = copy.deepcopy(findings(one_test("lr", REAL), one_test("adam", REAL)))
    spoil(found)
    verdict = CLAIM.decide(found)
    assert (verdict.verdict, verdict.failed) == (UNDECIDED, (control,))
    assert control in verdict.sentence


def test_outcomes() -> None:
    saturated, hidden, unclear = one_test("a", REAL, v=0.97), nothing("b"), nothing("c")
    hidden["p"]["V"] = 1e-4
    unclear["p"]["F"] = 1e-4
    tests = [saturated, hidden, unclear, nothing("d"), one_test("e", REAL)]
    memory._correct(tests)
    wanted = [memory.SATURATED, memory.INSIDE, memory.UNCLEAR, memory.NO_MARK, memory.BESIDE]
    assert [t["outcome"] for t in tests] == wanted
    weak = one_test("f", REAL)
    weak["gains"] = {kind: {**gain, "bits": interval(0.01)} for kind, gain in weak["gains"].items()}
    memory._correct([weak])
    assert weak["outcome"] == memory.UNCLEAR


def test_too_few_draws_are_refused() -> None:
    numbers = {f"digits/{k}": {} for k in range(3)}
    with pytest.raises(InputError, match="fewer than 179 draws, but draws is 99"):
        CLAIM.analyse(Plan(24, 99, ("digits",)), numbers, silent)


@pytest.mark.slow
def test_trained_networks_show_what_is_known_of_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "QUICK", ("mirrored", "adam"))
    numbers = CLAIM.collect(dataclasses.replace(CLAIM.quick, networks=24), tmp_path, silent)
    assert set(numbers) == {"digits/adam", "mirrored/mirrored"}
    test = memory._tested("mirrored/mirrored", numbers["mirrored/mirrored"], "stop", 19, 0)
    assert test["accuracy"]["F"][0] > 0.85
    assert test["accuracy"]["V"][0] < 0.8
    adam = memory._tested("digits/adam", numbers["digits/adam"], "stop", 19, 0)
    assert adam["accuracy"]["T"][0] > 0.95
    assert 0 < adam["spread"][0] <= 1


def a_table(shift: float, seed: int, count: int = 24) -> dict[str, np.ndarray]:
    """Numbers as they are stored, drawn: weights of the second class are larger by a factor."""
    generator = np.random.default_rng(seed)
    labels = np.repeat([-1, 1], count // 2)
    table = {"label": labels, "history": 1 + generator.random((count, 17)) + 3 * (labels > 0)[:, None]}
    for arm, level in memory.LEVELS.items():
        table[f"{arm}_theta"] = generator.normal(size=(count, SHAPE.parameters)) * (1 + shift * (labels > 0))[:, None]
        table[f"{arm}_spectrum"] = np.sort(generator.exponential(size=(count, SHAPE.parameters)), 1)
        table[f"{arm}_loss"] = np.full(count, level)
    return table


@pytest.mark.slow
def test_the_whole_analysis_finds_what_is_in_the_weights_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "QUICK_REPLICATES", 1)
    names = {"digits/same": 0.0, "digits/adam": 0.8, "mirrored/mirrored": 0.0}
    numbers = {name: a_table(shift, seed) for seed, (name, shift) in enumerate(names.items())}
    found = CLAIM.analyse(dataclasses.replace(CLAIM.quick, networks=24, draws=179), numbers, silent)
    json.dumps(found)
    outcomes = {(t["contrast"], t["arm"]): t["outcome"] for t in found["tests"]}
    assert outcomes["adam", "late"] == outcomes["adam", "stop"] == memory.BESIDE
    assert outcomes["same", "late"] == memory.NO_MARK
    assert CLAIM.decide(found).failed[0] == "mirrored"  # whose function says nothing here
    assert len(CLAIM.figure(found)) == 5
