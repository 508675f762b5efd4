"""Passes beside the verdicts: other architectures are trained and measured right, and the claims' questions are put to them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from lossnav.core import InputError
from lossnav.core.claims import CLAIMS, claim_of
from lossnav.core.claims.collapse import readouts as own_readouts
from lossnav.core.claims.forgetting import Draw
from lossnav.core.claims.population import Recipe, Shape, data_of, hessians
from lossnav.core.claims.population.network import losses_and_gradients
from lossnav.core.claims.regression import MODELS, QUADRATIC
from lossnav.core.claims.robustness import NAMES, Pass, read_pass, robustness, shipped_passes
from lossnav.core.claims.robustness.architectures import ARCHITECTURES, architecture_of, named
from lossnav.core.claims.robustness.collapse import architecture_of_width, readouts, two_tasks
from lossnav.core.claims.robustness.networks import PassPopulation
from lossnav.core.claims.robustness.passes import FOLDER, LARGEST, QUESTIONS
from lossnav.core.claims.robustness.training import trained
from lossnav.core.curvature.dense import dense_matrix
from lossnav.core.curvature.operators import curvature


def silent(*_: object) -> None:
    pass


def draws(count: int, size: int) -> torch.Tensor:
    return 0.4 * torch.randn(count, size, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def test_the_tanh_network_is_the_registered_one() -> None:
    """Loss, gradient and whole Hessian against the closed forms of the registered populations."""
    data, theta, architecture = data_of("digits"), draws(3, 334), architecture_of("tanh")
    wanted, slopes = losses_and_gradients(Shape(), theta, data.inputs, data.targets)
    found, gradients = architecture.losses_and_gradients(
        theta, data.inputs.expand(3, -1, -1), data.targets.expand(3, -1)
    )
    torch.testing.assert_close(found, wanted, rtol=1e-13, atol=0)
    torch.testing.assert_close(gradients, slopes, rtol=0, atol=1e-14)
    torch.testing.assert_close(architecture.losses(theta, data), wanted, rtol=1e-13, atol=0)
    matrix = dense_matrix(curvature(architecture.problem(theta[0], data), device="cpu"))
    torch.testing.assert_close(matrix, hessians(Shape(), theta[:1], data.inputs, data.targets)[0], rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_many_networks_at_once_are_each_by_itself(name: str) -> None:
    architecture, data = architecture_of(name), data_of("digits")
    theta = draws(2, architecture.parameters)
    problem = architecture.problem(theta[1], data)
    assert torch.equal(torch.cat([p.flatten() for p in problem.parameters.values()]), theta[1])
    torch.testing.assert_close(architecture.logits(theta, data.inputs)[1], problem.model(data.inputs).detach())
    model = architecture.module()
    assert {k: v.shape for k, v in named(model, theta[0]).items()} == {k: v.shape for k, v in model.named_parameters()}


def test_no_random_number_of_torch_is_drawn_for_a_network() -> None:
    torch.manual_seed(0)
    wanted = torch.rand(1)
    torch.manual_seed(0)
    architecture_of("cnn").module()
    architecture_of("cnn").initial(1.0, np.random.default_rng(0))
    assert torch.equal(torch.rand(1), wanted)


def test_initial_weights_have_the_spread_that_is_said() -> None:
    architecture = architecture_of("relu")
    drawn = np.stack([architecture.initial(0.8, np.random.default_rng(k)) for k in range(300)])
    parts = named(architecture.module(), torch.from_numpy(drawn[0]))
    first, bias = drawn[:, :192], drawn[:, 192:204]
    assert parts["0.bias"].shape == (12,)
    assert not bias.any()
    assert first.std() == pytest.approx(2**0.5 * 0.8 / 4, rel=0.02)


@pytest.mark.parametrize("name", ["relu", "cnn"])
def test_networks_are_at_exactly_the_loss(name: str) -> None:
    data, architecture = data_of("digits"), architecture_of(name)
    theta = trained(architecture, data, Recipe(optimiser="adam", rate=0.02, first="low"), [1, 2], "t", 0.14)
    losses = architecture.losses(theta, data)
    torch.testing.assert_close(losses, torch.full((2,), 0.14, dtype=torch.float64), rtol=0, atol=1e-12)
    assert float((theta[0] - theta[1]).norm()) > 1
    again = trained(architecture, data, Recipe(optimiser="adam", rate=0.02, first="low"), [1], "t", 0.14)
    torch.testing.assert_close(again[0], theta[0], rtol=0, atol=1e-9)  # whoever is trained beside it


def test_what_cannot_be_asked_gets_a_sentence(tmp_path: Path) -> None:
    for words, said in (
        ({"name": "colapse"}, "Unknown claim 'colapse': did you mean 'collapse'"),
        ({"name": "collapse", "level": 0.1}, "not brought to one loss, but level is 0.1: leave it out"),
        ({"architecture": "rleu"}, "Unknown architecture 'rleu': did you mean 'relu'"),
        ({"level": 0.2}, "between 0 and 0.15, where histories end, but is 0.2"),
        ({"networks": 25}, "even number, 24 or more, but is 25"),
        ({"draws": 3}, "19 or more, but is 3"),
    ):
        with pytest.raises(InputError, match=said):
            robustness(**{"name": "memory", "folder": tmp_path, "progress": silent, **words})  # type: ignore[arg-type]


def test_a_pass_is_read_back_and_what_is_shipped_is_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = Pass("valleys", PassPopulation("cnn", 0.05, 24, ("lr",)), 19, {"raw": 1.0}, "said")
    (tmp_path / "valleys-cnn.json").write_text(json.dumps(made.as_json()))
    assert read_pass(tmp_path / "valleys-cnn.json") == made
    assert made.place == "cnn, loss 0.05, 24 networks a contrast"
    monkeypatch.setattr("lossnav.core.claims.robustness.passes.FOLDER", tmp_path)
    assert shipped_passes(claim_of("valleys")) == [made]
    assert shipped_passes(claim_of("memory")) == []


def test_passes_that_come_with_the_package_are_of_claims_that_have_them() -> None:
    for claim in CLAIMS:
        for each in shipped_passes(claim):
            assert each.claim == claim.name in NAMES
    assert all(path.stat().st_size < LARGEST for path in FOLDER.glob("*"))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["memory", "coupling"])
def test_a_claims_question_is_answered(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trained as far as a loss of 0.14 alone, so that it takes seconds."""
    monkeypatch.setitem(QUESTIONS, name, replace(QUESTIONS[name], contrasts=("adam",)))
    found = robustness(name, tmp_path, silent, "relu", 0.145, 24, 59)
    json.dumps(found.as_json(), allow_nan=False)
    assert found.findings["networks"] + found.findings["left_out"] == 24
    if name == "memory":
        (test,) = found.findings["tests"]
        assert test["loss"]["equal"]
        assert test["accuracy"]["W"][0] > 0.7  # Adam's weights are told by their sizes
        assert found.said.startswith(f"adam {test['outcome']}")
    else:
        assert 0 < found.findings["added"][0] < 1
        assert set(found.findings["nulls"]) == {"Gaussian entries", "entries permuted", "random signs"}


def short(seed: int) -> Draw:
    return replace(Draw.of(seed, 0), examples=60, steps=50)


def test_networks_of_two_tasks_with_tanh_are_the_claims_own() -> None:
    """Trained by other code, by vmap in place of closed forms: the same readouts, path and recipe."""
    theirs, ours = own_readouts(short(3)), readouts("tanh", short(3))
    assert theirs.keys() == ours.keys() - {"loss"}
    for name, value in theirs.items():
        np.testing.assert_allclose(ours[name], value, rtol=1e-9, atol=1e-12, err_msg=name)


@pytest.mark.parametrize(("name", "parameters"), [("relu", 280), ("cnn", 260)])
def test_networks_of_two_tasks_learn_the_second_and_keep_to_the_first(name: str, parameters: int) -> None:
    draw = replace(Draw.of(5, 1), examples=200, steps=300, decay=1e-4, rate=0.1)
    pulled, free = (two_tasks(architecture_of_width(name, 10), replace(draw, pull=pull)) for pull in (30.0, 0.0))
    assert pulled.parameter_count == parameters
    assert pulled.anchor is not None
    away = [
        sum(float((p.parameters[k] - p.anchor.parameters[k]).square().sum()) for k in p.parameters)  # type: ignore[union-attr]
        for p in (pulled, free)
    ]
    assert away[0] < away[1]
    hits = (free.model(free.inputs[0]).argmax(1) == free.targets).double().mean()
    assert float(hits) > 0.8


def test_the_question_of_collapse_is_answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lossnav.core.claims.robustness.collapse.Draw", Short)
    # neither decides anything here, and both take seconds
    monkeypatch.setattr("lossnav.core.claims.collapse.MODELS", {QUADRATIC: MODELS[QUADRATIC]})
    monkeypatch.setattr("lossnav.core.claims.collapse._best_subsets", lambda scores: [])
    answered = robustness("collapse", tmp_path, silent, "cnn", networks=24, draws=19)
    json.dumps(answered.as_json(), allow_nan=False)
    assert answered.place == "cnn, 24 networks, their losses not matched"
    assert answered.findings["networks"] == 24
    assert answered.findings["identity_error"] < 1e-9
    for reading in answered.findings["readings"].values():
        assert 1 <= reading["rank"] <= 20
        assert all(low <= mean <= high for mean, low, high in reading["r2"].values())
    assert answered.said.startswith("with density as divergence R² probability ")


class Short(Draw):
    """Recipes of few steps."""

    @classmethod
    def of(cls, seed: int, number: int) -> Draw:
        return replace(Draw.of(seed, number), examples=60, steps=25)
