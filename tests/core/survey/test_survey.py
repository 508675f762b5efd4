"""Surveys: the right number in the right cell, nothing changed, the same every time."""

from __future__ import annotations

import json

import cases
import numpy as np
import pytest
import reference
import torch
from lossnav.core import Plane, Problem, survey
from torch import Tensor, nn

TOLERANCE = {torch.float64: 1e-12, torch.float32: 2e-6}


@pytest.mark.parametrize("case", cases.CASES)
def test_loss_is_the_mean_of_the_examples_losses(case: str) -> None:
    problem = cases.CASES[case]()
    plane = Plane.random(problem, seed=1)
    land = survey(problem, plane, (3, 2), ((-0.5, 1), (0, 0.7)))
    for i, alpha in enumerate(land.alpha.values):
        for j, beta in enumerate(land.beta.values):
            expected = float(reference.loss(problem, plane.at(alpha, beta)))
            assert float(land["loss"][i, j]) == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("outputs", [1, 3])
def test_a_quadratic_is_its_closed_form(outputs: int) -> None:
    problem = cases.linear(outputs=outputs)
    plane = Plane.random(problem, seed=5, normalize="none")
    X, Y, W = problem.inputs[0].numpy(), problem.targets.numpy(), problem.parameters["weight"].numpy()
    d1, d2 = (d["weight"].numpy() for d in plane.directions)
    land = survey(problem, plane, (7, 4), ((0.5, 3), (-2, -1)))
    assert land["loss"].dims == ("alpha", "beta")
    assert land.alpha.values == pytest.approx(np.linspace(0.5, 3, 7))
    assert land.beta.values == pytest.approx(np.linspace(-2, -1, 4))
    alpha, beta = np.meshgrid(land.alpha.values, land.beta.values, indexing="ij")
    w = W + alpha[..., None, None] * d1 + beta[..., None, None] * d2
    expected = np.square(np.einsum("nd,abkd->abnk", X, w) - Y).mean((2, 3))
    assert land["loss"].values == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize("shape", [(1, 1), (1, 6), (2, 9), (13, 5), (34, 3)])
def test_every_point_is_in_its_own_cell(shape: tuple[int, int]) -> None:
    """A model whose loss is 1000 α + β: each cell has a number of its own, and axes cannot be swapped."""
    model = nn.Linear(2, 1, bias=False).double()
    with torch.no_grad():
        model.weight.zero_()
    problem = Problem(model, torch.eye(2).double(), torch.zeros(2), loss=lambda f, y: f[:, 0])
    directions = [{"weight": torch.tensor([row]).double()} for row in ([2000.0, 0.0], [0.0, 2.0])]
    plane = Plane.around(problem.parameters, directions[0], directions[1], "random", {})
    land = survey(problem, plane, shape, ((0, 5), (-1, 3)))
    expected = 1000 * land.alpha.values[:, None] + land.beta.values[None, :]
    assert land["loss"].shape == shape
    assert land["loss"].values == pytest.approx(expected, abs=1e-9)
    assert land["measured"].values.all()


def test_two_runs_are_the_same_to_the_bit() -> None:
    first, second = (
        survey(p, Plane.random(p, seed=2), (6, 5), overlays=("all",)) for p in (cases.with_path(), cases.with_path())
    )
    for name in first:
        assert np.array_equal(first[name].values, second[name].values, equal_nan=True), name
    assert first["loss"].values.std() > 0


def test_nan_and_infinite_losses_are_kept_and_their_neighbours_untouched() -> None:
    def broken(outputs: Tensor, targets: Tensor) -> Tensor:
        losses = (outputs - targets).square().mean(1)
        losses = torch.where(outputs[:, 0] > 1.2, torch.nan, losses)
        return torch.where(outputs[:, 0] < -1.2, torch.inf, losses)

    spoilt = cases.linear(seed=1, n=4)
    whole = Problem(spoilt.model, spoilt.inputs[0], spoilt.targets, loss=lambda f, y: (f - y).square().mean(1))
    spoilt = Problem(spoilt.model, spoilt.inputs[0], spoilt.targets, loss=broken)
    plane = Plane.random(whole, seed=3)
    found, truth = (survey(p, plane, (9, 9), ((-3, 3), (-3, 3))) for p in (spoilt, whole))
    loss = found["loss"].values
    assert np.isnan(loss).any()
    assert np.isposinf(loss).any()
    assert np.isfinite(loss).any()
    fine = np.isfinite(loss)
    assert np.array_equal(loss[fine], truth["loss"].values[fine])
    assert found["measured"].values.all()


def test_a_network_that_overflows_is_not_mended() -> None:
    problem = cases.classifier(dtype=torch.float32)
    land = survey(problem, Plane.random(problem), (3, 3), ((0, 1e30), (-1, 1)), overlays=("all",))
    assert not np.isfinite(land["loss"].values[-1]).any()
    assert np.isfinite(land["loss"].values[0]).all()
    assert np.isnan(land["accuracy"].values[np.isnan(land["loss"].values)]).all()


def snapshot(model: nn.Module) -> dict[str, object]:
    return {
        "state": {k: v.clone() for k, v in model.state_dict().items()},
        "storage": [p.data_ptr() for p in model.parameters()],
        "modes": [m.training for m in model.modules()],
        "learning": [p.requires_grad for p in model.parameters()],
        "gradients": [p.grad for p in model.parameters()],
    }


def same(before: dict[str, object], after: dict[str, object]) -> bool:
    state, now = before.pop("state"), after.pop("state")
    assert isinstance(state, dict)
    assert isinstance(now, dict)
    return before == after and all(torch.equal(state[k], now[k]) for k in state) and list(state) == list(now)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("case", ["convolution", "tied tokens", "frozen", "dropout", "recurrent", "weight norm"])
def test_the_model_is_bit_identical_after_a_run(case: str, training: bool) -> None:
    problem = cases.CASES[case]()
    problem.model.train(training)
    before = snapshot(problem.model)
    survey(problem, Plane.random(problem), (3, 3), overlays=("all",), fidelity=True)
    survey(problem, Plane.random(problem), (2, 2), dtype="float32")
    assert same(before, snapshot(problem.model))
    if case == "tied tokens":
        assert problem.model.head.weight is problem.model.embed.weight


class Fails(nn.Module):
    """A network that gives up at its third survey point."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.linear = nn.BatchNorm1d(3), nn.Linear(3, 2)
        self.calls: list[int] = []  # a number would be put back after every point

    def forward(self, x: Tensor) -> Tensor:
        self.calls.append(len(x))
        if len(self.calls) > 5:
            raise ZeroDivisionError
        return self.linear(self.norm(x))  # type: ignore[no-any-return]


@pytest.mark.parametrize("batchnorm", ["eval", "recalibrate"])
def test_the_model_is_bit_identical_after_an_exception_inside_it(batchnorm: str) -> None:
    model = Fails().double().train()
    problem = Problem(model, cases.normal(6, 3), cases.labels(6, classes=2), batchnorm=batchnorm)
    before = snapshot(model)
    with pytest.raises(ZeroDivisionError):
        survey(problem, Plane.random(problem), (5, 5))
    assert same(before, snapshot(model))
    assert model.calls == []


def test_dropout_is_off_and_training_mode_does_not_matter() -> None:
    problem = cases.CASES["dropout"]()
    plane = Plane.random(problem)
    lands = [survey(problem, plane, (3, 3)) for _ in range(2) if problem.model.train() is not None]
    lands.append(survey(problem, plane, (3, 3)) if problem.model.eval() is not None else None)
    assert np.array_equal(lands[0]["loss"].values, lands[1]["loss"].values)
    assert np.array_equal(lands[0]["loss"].values, lands[2]["loss"].values)


def test_frozen_parameters_do_not_move() -> None:
    problem = cases.frozen()
    plane = Plane.random(problem)
    assert not any(name.startswith("2.") for name in plane.origin)
    far = survey(problem, plane, (1, 1), ((3, 3), (0, 0)))
    point = plane.at(3.0, 0.0)
    assert far["loss"].item() == pytest.approx(float(reference.loss(problem, point)), rel=1e-12)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_precision_is_the_models_own_unless_another_is_asked_for(dtype: torch.dtype) -> None:
    problem = cases.classifier(dtype=dtype)
    truth = cases.classifier(dtype=torch.float64)
    plane, exact = Plane.random(problem, seed=1), Plane.random(truth, seed=1)
    own = survey(problem, plane, (4, 4))["loss"]
    assert own.dtype == np.float64
    expected = survey(truth, exact, (4, 4))["loss"].values
    assert own.values == pytest.approx(expected, rel=TOLERANCE[dtype])
    if dtype == torch.float32:
        assert not np.array_equal(own.values, expected)
    up = survey(truth, exact, (4, 4), dtype=torch.float32)["loss"].values
    assert up == pytest.approx(expected, rel=TOLERANCE[torch.float32])


@pytest.mark.parametrize("batch_size", [1, 5, 12, 100])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_batches_do_not_change_the_numbers(batch_size: int, dtype: torch.dtype) -> None:
    problem = cases.classifier(dtype=dtype)
    plane = Plane.random(problem)
    whole, cut = (survey(problem, plane, (4, 3), overlays=("all",), batch_size=b) for b in (None, batch_size))
    for name in ("loss", "accuracy", "probability", "probability_entropy"):
        assert cut[name].values == pytest.approx(whole[name].values, rel=TOLERANCE[dtype], abs=TOLERANCE[dtype])


def test_ignored_tokens_are_left_out_of_every_mean() -> None:
    problem = cases.tokens()
    plane = Plane.random(problem)
    land = survey(problem, plane, (2, 3), overlays=("probability",), batch_size=2)
    for i, alpha in enumerate(land.alpha.values):
        for j, beta in enumerate(land.beta.values):
            outputs = reference.outputs(problem, plane.at(alpha, beta)).flatten(0, 1)
            targets = problem.targets.flatten()
            expected = nn.functional.cross_entropy(outputs, targets, ignore_index=-100)
            assert float(land["loss"][i, j]) == pytest.approx(float(expected), rel=1e-12)
            right = (outputs.argmax(1) == targets)[targets != -100].double().mean()
            assert float(land["accuracy"][i, j]) == pytest.approx(float(right), abs=1e-12)
            assert float(land["error"][i, j]) == pytest.approx(1 - float(right), abs=1e-12)


def test_soft_labels_for_tokens_are_a_mean_over_tokens() -> None:
    model = cases.initialised(cases.Tied())
    targets = cases.normal(5, 7, 6, seed=1).softmax(-1)
    problem = Problem(model, cases.labels(5, 7, classes=6), targets)
    land = survey(problem, Plane.random(problem), (1, 1), ((0, 0), (0, 0)))
    logs = reference.outputs(problem, problem.parameters).log_softmax(-1)
    assert land["loss"].item() == pytest.approx(float(-(targets * logs).sum(-1).mean()), rel=1e-12)


def test_a_line_has_one_row_of_points() -> None:
    a, b = cases.classifier(0), cases.classifier(1)
    line = Plane.line(a, b)
    land = survey(a, line, (5, 7), ((0, 1), (0, 0)))
    assert land["loss"].shape == (5, 1)
    assert float(land["loss"][-1, 0]) == pytest.approx(float(reference.loss(a, b.parameters)), rel=1e-12)


def test_unavailable_readouts_say_why_and_are_not_there() -> None:
    problem = cases.regression()
    land = survey(problem, Plane.random(problem), (2, 2), overlays=("all",))
    reasons = json.loads(land.attrs["unavailable"])
    for name in ("perplexity", "probability", "density", "memory", "elasticity"):
        assert name not in land
        assert reasons[name].endswith(".")
    assert {"elasticity_l2", "coupling", "viscosity", "slope", "shape", "memory_basin"} <= set(land)


def test_only_what_was_asked_for_is_in_the_landscape() -> None:
    problem = cases.classifier()
    land = survey(problem, Plane.random(problem), (2, 2), overlays=("perplexity_excess", "probability"))
    expected = {"loss", "accuracy", "error", "measured", "perplexity_excess", "probability", "probability_entropy"}
    expected |= {"probability_right", "probability_calibration", "probability_calibration_se"}
    assert set(land) == expected
    assert json.loads(land.attrs["unavailable"]) == {}


def test_progress_counts_to_the_end() -> None:
    problem = cases.classifier()
    seen: list[tuple[int, int]] = []
    survey(problem, Plane.random(problem), (5, 5), progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (25, 25)
    assert seen == sorted(seen)


def test_fidelity_is_kept_in_the_landscape() -> None:
    problem = cases.smooth()
    plane = Plane.random(problem)
    land = survey(problem, plane, (2, 2), fidelity=True)
    assert json.loads(land.attrs["fidelity"])["cosine"] == pytest.approx(plane.cosine)


def test_a_plane_of_state_dicts_with_tied_weights_can_be_surveyed() -> None:
    models = [cases.initialised(cases.Tied(), seed) for seed in range(3)]
    problem = Problem(models[0], cases.labels(4, 3, classes=6), cases.labels(4, 3, classes=6, seed=1))
    plane = Plane.through(*(m.state_dict() for m in models))
    land = survey(problem, plane, (2, 1), ((0, 1), (0, 0)), overlays=("elasticity_l2",))
    other = {k: v.detach() for k, v in models[1].named_parameters()}
    assert float(land["loss"][1, 0]) == pytest.approx(float(reference.loss(problem, other)), rel=1e-12)
    assert float(land["elasticity_l2"][1, 0]) == pytest.approx(float(reference.flat(other).square().sum()), rel=1e-12)


def test_the_centre_is_measured_even_where_the_grid_misses_it() -> None:
    problem = cases.classifier()
    plane = Plane.random(problem)
    land = survey(problem, plane, shape=(4, 4))
    at_centre = survey(problem, plane, shape=(3, 3))["loss"].sel(alpha=0, beta=0)
    assert json.loads(land.attrs["centre"])["loss"] == pytest.approx(float(at_centre), rel=1e-12)
