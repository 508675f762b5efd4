"""A person's own metrics, a second data set, and the loss without its regulariser: against closed forms and surveys of their own."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import cases
import numpy as np
import pytest
import torch
from lossnav.core import Gaussian, InputError, Plane, Problem, read_landscape, survey
from lossnav.core.engine import Evaluator
from lossnav.core.problem import at_checkpoint, problem_digest, problem_identity, with_less_second
from lossnav.core.properties import terrain
from lossnav.core.survey import footprint as memory_needs
from lossnav.core.survey.specification import Specification
from lossnav.core.survey.survey import surveyed
from sklearn.metrics import f1_score
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

SPAN = ((-1.0, 1.0), (-0.5, 1.5))
X, Y = cases.normal(30, 3, seed=5), cases.labels(30, classes=4, seed=6)
TEST = (X[12:], Y[12:])


def f1(outputs: Tensor, targets: Tensor) -> float:
    return float(f1_score(targets, outputs.argmax(1), average="macro", zero_division=0))


def top2(outputs: Tensor, targets: Tensor) -> Tensor:
    return (outputs.topk(2).indices == targets[:, None]).any(1)


def classifier(**more: Any) -> Problem:
    return Problem(cases.initialised(cases.mlp(), 1), X[:12], Y[:12], **more)


def at_points(land: Any, plane: Plane, found: Callable[[dict[str, Tensor]], float]) -> np.ndarray:
    return np.array([[found(plane.at(float(a), float(b))) for b in land.beta.values] for a in land.alpha.values])


def outputs_of(problem: Problem, inputs: Tensor, point: dict[str, Tensor]) -> Tensor:
    return functional_call(problem.working_copy(), point, (inputs,)).detach()


# Metrics


def test_metrics_are_those_of_all_examples_at_every_point() -> None:
    problem = classifier(metrics={"f1": f1, "top2": top2, "numpy": lambda z, y: z.numpy()[0, 0]})
    plane = Plane.random(problem)
    land = survey(problem, plane, (4, 3), SPAN, batch_size=5)  # means over batches of 5, 5 and 2 would be others
    expected = at_points(land, plane, lambda point: f1(outputs_of(problem, X[:12], point), Y[:12]))
    np.testing.assert_array_equal(land["f1"].values, expected)
    share = at_points(
        land, plane, lambda point: float(top2(outputs_of(problem, X[:12], point), Y[:12]).double().mean())
    )
    np.testing.assert_allclose(land["top2"].values, share, rtol=1e-15)
    assert (land["numpy"].attrs["long_name"], land["f1"].attrs["property"]) == ("numpy", "terrain")
    whole = survey(problem, plane, (4, 3), SPAN)
    np.testing.assert_array_equal(whole["f1"].values, land["f1"].values)


def test_a_metric_sees_what_the_network_returns_and_may_write_to_it() -> None:
    seen: list[tuple[int, ...]] = []

    def spoil(outputs: Tensor, targets: Tensor) -> float:
        seen.append((*outputs.shape, *targets.shape))
        targets.fill_(0)
        return float(outputs.zero_().sum()) + float(torch.rand(()))

    plain = cases.tokens()
    problem = Problem(
        plain.model, plain.inputs[0], plain.targets, metrics={"spoil": spoil, "size": lambda z, y: y.sum()}
    )
    before = torch.get_rng_state()
    land = survey(problem, Plane.random(problem), (2, 2), batch_size=2)
    assert set(seen) == {(5, 7, 6, 5, 7)}
    assert (land["size"] == float(plain.targets.sum())).all()
    np.testing.assert_array_equal(land["loss"].values, survey(plain, Plane.random(plain), (2, 2), batch_size=2)["loss"])
    assert np.unique(land["spoil"]).size == 1  # what it draws is the same everywhere
    assert torch.equal(torch.get_rng_state(), before)


def test_what_a_network_returns_beside_tensors_with_rows_is_a_reason() -> None:
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Linear(3, 4)

        def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
            return self.inner(x), self.inner(x).sum()

    def loss(outputs: Any, targets: Tensor) -> Tensor:
        return F.cross_entropy(outputs[0], targets, reduction="none")

    metrics = {"first": lambda z, y: (z[0] if isinstance(z, tuple) else z).argmax(1) == y}
    model = cases.initialised(Two())
    several = Problem(model, X, Y, loss, metrics=metrics)
    assert "output=" in survey(several, Plane.random(several), (2, 2)).lossnav.unavailable["first"]
    named = Problem(model, X, Y, output=0, metrics=metrics)
    land = survey(named, Plane.random(named), (2, 2), batch_size=7)
    np.testing.assert_allclose(land["first"], land["accuracy"], rtol=1e-15)


@pytest.mark.parametrize("given", [0.25, torch.tensor(0.25), np.float32(0.25), torch.tensor([[0.25]]), [0.25]])
def test_of_one_example_a_number_and_a_value_for_each_are_the_same(given: Any) -> None:
    problem = Problem(cases.initialised(nn.Linear(3, 4)), X[:1], Y[:1], metrics={"given": lambda z, y: given})
    assert (survey(problem, Plane.random(problem), (2, 1))["given"] == 0.25).all()


def test_a_metric_that_fails_is_a_gap_with_its_reason_and_nothing_else_is_lost(tmp_path: Path) -> None:
    def never(outputs: Tensor, targets: Tensor) -> float:
        raise KeyError("no such class")

    def sometimes(outputs: Tensor, targets: Tensor) -> float:
        return float("inf") if outputs.abs().max() > 3 else 0.5

    wrong = {"never": never, "sometimes": sometimes, "rows": lambda z, y: z, "words": lambda z, y: "good"}
    problem, plain = classifier(metrics={**wrong, "fine": top2}), classifier()
    plane = Plane.random(problem)
    land = survey(problem, plane, (5, 5), ((-2, 2), (-2, 2)), store=tmp_path / "land")
    at_all = at_points(land, plane, lambda point: float(outputs_of(problem, X[:12], point).abs().max()))
    assert 0 < (at_all > 3).sum() < 25
    np.testing.assert_array_equal(land["sometimes"].values, np.where(at_all > 3, np.nan, 0.5))
    for name, says in (("never", "KeyError: 'no such class'"), ("rows", "shape (12, 4)"), ("words", "str in place of")):
        assert name not in land
        assert says in land.lossnav.unavailable[name]
    assert "sometimes" not in land.lossnav.unavailable
    assert land.lossnav.spec["failures"]["sometimes"] == "it gives inf"
    expected = survey(plain, plane, (5, 5), ((-2, 2), (-2, 2)))
    for name in expected.data_vars:
        np.testing.assert_array_equal(land[name].values, expected[name].values)
    assert read_landscape(tmp_path / "land").lossnav.unavailable == land.lossnav.unavailable


def test_an_adaptive_survey_leaves_gaps_where_a_metric_fails() -> None:
    metrics = {"fine": lambda z, y: z.square().mean(), "never": lambda z, y: 1 / 0}
    problem = classifier(metrics=metrics)
    land = survey(problem, Plane.random(problem), (33, 33), tolerance=0.02)
    assert "ZeroDivisionError" in land.lossnav.unavailable["never"]
    assert np.isfinite(land["fine"]).all()
    assert "fine_error" in land


def test_random_passes_have_the_mean_of_a_metric_over_their_draws() -> None:
    several = cases.four_classes(cases.Noisy(), draws=3, metrics={"right": lambda z, y: z.argmax(1) == y})
    land = survey(several, Plane.random(several), (3, 2))
    np.testing.assert_allclose(land["right"], land["accuracy"], rtol=1e-12)


def test_however_the_network_is_run_the_numbers_are_the_same() -> None:
    inputs, targets = cases.normal(40, 3, dtype=torch.float32), cases.labels(40, classes=4)
    model = cases.initialised(
        nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 4)), 1, torch.float32
    )
    problem = Problem(model, inputs[:24], targets[:24], metrics={"f1": f1}, test=(inputs[24:], targets[24:]))
    plane, points = Plane.random(problem), np.array([[0.0, 0.0], [0.5, -0.5], [-1.0, 1.0]])
    measures = Specification(problem, plane, (2, 2)).measures
    plain = Evaluator(problem, plane, measures, torch.device("cpu"))
    ways: list[dict[str, Any]] = [{"network": "fused", "batch_size": 7}, {"batch_size": 5, "points": 4, "graph": True}]
    for way in ways:
        other = Evaluator(problem, plane, measures, torch.device("cpu"), way=way)
        assert other.way["points"] == 1
        np.testing.assert_allclose(other.evaluate(points), plain.evaluate(points), rtol=1e-5, atol=1e-6)
        turned = Plane.random(problem, seed=3)
        other.turn_to(turned)
        expected = Evaluator(problem, turned, measures, torch.device("cpu")).evaluate(points)
        np.testing.assert_allclose(other.evaluate(points), expected, rtol=1e-5, atol=1e-6)


BAD: dict[str, tuple[Any, str]] = {
    "no dict": ([f1], "a dict of functions"),
    "no name": ({"1st": f1}, "begins with a letter"),
    "a keyword": ({"class": f1}, "begins with a letter"),
    "no function": ({"f1": 0.5}, "but is a float"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_no_metric_is_refused_in_a_sentence(case: str) -> None:
    metrics, says = BAD[case]
    with pytest.raises(InputError, match=says):
        classifier(metrics=metrics)


@pytest.mark.parametrize(
    "name", ["loss", "test_loss", "viscosity", "elasticity_mine", "terrain", "alpha", "measured", "f1_se"]
)
def test_a_name_that_is_taken_is_refused_in_a_sentence(name: str) -> None:
    problem = classifier(metrics={name: f1})
    with pytest.raises(InputError, match=f"'{name}' has a name that landscapes use already"):
        survey(problem, Plane.random(problem), (2, 2))


def test_a_loss_of_the_network_has_no_outputs_for_a_metric() -> None:
    with pytest.raises(InputError, match="calls the network itself"):
        Problem.from_loss(nn.Linear(3, 1), X.float(), lambda model, x: model(x).square().squeeze(1), metrics={"f1": f1})


def test_outputs_that_do_not_fit_are_refused_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    model = cases.initialised(nn.Linear(1, 2000, bias=False))
    problem = Problem(model, cases.normal(500, 1), cases.labels(500, classes=2000), metrics={"f1": f1})
    spec = Specification(problem, Plane.random(problem), (2, 2), batch_size=1)
    outputs = memory_needs.footprint(spec).lasting["outputs"]
    assert outputs == pytest.approx(2 * 500 * 2000 * 8, rel=1e-3)
    monkeypatch.setattr(memory_needs, "free_bytes", lambda device: outputs // 2)
    with pytest.raises(InputError, match="leave the metrics out"):
        surveyed(spec)


# A second data set


@pytest.mark.parametrize(
    "given",
    [TEST, DataLoader(TensorDataset(*TEST), batch_size=4), TensorDataset(*TEST), ({"input": X[12:]}, Y[12:])],
    ids=["pair", "loader", "set", "dict"],
)
def test_the_second_data_have_the_loss_of_a_survey_of_their_own(given: Any) -> None:
    problem, own = classifier(test=given), Problem(cases.initialised(cases.mlp(), 1), *TEST)
    plane = Plane.random(problem)
    land, expected = survey(problem, plane, (4, 3), SPAN), survey(own, plane, (4, 3), SPAN)
    np.testing.assert_array_equal(land["test_loss"], expected["loss"])
    np.testing.assert_array_equal(land["test_accuracy"], expected["accuracy"])
    np.testing.assert_array_equal(land["gap"], expected["loss"] - land["loss"])
    assert (land["gap"].attrs["long_name"], land["gap"].attrs["units"]) == ("Generalisation gap", "nats")
    direct = at_points(land, plane, lambda point: float(F.cross_entropy(outputs_of(problem, X[12:], point), Y[12:])))
    np.testing.assert_allclose(land["test_loss"], direct, rtol=1e-12)
    assert problem.test is not None
    np.testing.assert_array_equal(survey(problem.test, plane, (4, 3), SPAN)["loss"], expected["loss"])


def test_batches_do_not_change_the_second_loss() -> None:
    problem = classifier(test=TEST)
    plane = Plane.random(problem)
    whole, cut = survey(problem, plane, (3, 3)), survey(problem, plane, (3, 3), batch_size=5)
    np.testing.assert_allclose(cut["test_loss"], whole["test_loss"], rtol=1e-12)


def test_weights_of_a_loss_are_divided_by_their_sum_over_the_second_data() -> None:
    weight = torch.tensor([1.0, 2.0, 0.5, 4.0]).double()
    problem = classifier(loss=nn.CrossEntropyLoss(weight=weight), test=TEST)
    plane = Plane.random(problem)
    land = survey(problem, plane, (3, 2), SPAN)
    direct = at_points(land, plane, lambda p: float(F.cross_entropy(outputs_of(problem, X[12:], p), Y[12:], weight)))
    np.testing.assert_allclose(land["test_loss"], direct, rtol=1e-12)


def test_a_regression_has_a_gap_and_no_accuracy() -> None:
    inputs, targets = cases.normal(9, 3, seed=2), cases.normal(9, 2, seed=3)
    plain = cases.regression(loss=Gaussian(0.5))
    problem = Problem(plain.model, plain.inputs[0], plain.targets, Gaussian(0.5), test=(inputs, targets))
    land = survey(problem, Plane.random(problem), (3, 2))
    assert "test_accuracy" not in land
    np.testing.assert_array_equal(land["gap"], land["test_loss"] - land["loss"])


def test_recalibrated_statistics_are_those_of_the_first_data() -> None:
    """One network at each point, on two data sets: the first data make its statistics, as the training data do."""
    plain, test = cases.convolution(), (cases.normal(6, 2, 5, 5, seed=8), cases.labels(6, classes=3, seed=9))
    for mode in ("eval", "recalibrate"):
        problem = Problem(plain.model, plain.inputs[0], plain.targets, batchnorm=mode, test=test)
        plane = Plane.random(problem)

        def direct(point: dict[str, Tensor], mode: str = mode) -> float:
            model = copy.deepcopy(plain.model).eval()
            model.load_state_dict(point, strict=False)
            if mode == "recalibrate":
                for layer in (m for m in model if isinstance(m, nn.BatchNorm2d)):
                    layer.reset_running_stats()
                    layer.train().momentum = None
                with torch.no_grad():
                    model(plain.inputs[0])
            return float(F.cross_entropy(model.eval()(test[0]), test[1]).detach())

        land = survey(problem, plane, (3, 2), SPAN)
        np.testing.assert_allclose(land["test_loss"], at_points(land, plane, direct), rtol=1e-10)


def test_random_passes_state_the_error_of_the_second_loss_and_bound_that_of_the_gap() -> None:
    inputs, targets = cases.normal(12, 3), cases.labels(12, classes=4)
    problem = Problem(
        cases.initialised(cases.Noisy(), 2), inputs[:7], targets[:7], draws=4, test=(inputs[7:], targets[7:])
    )
    plane = Plane.random(problem)
    assert problem.test is not None
    land, own = survey(problem, plane, (2, 2)), survey(problem.test, plane, (2, 2))
    np.testing.assert_array_equal(land["test_loss_se"], own["loss_se"])
    np.testing.assert_allclose(land["gap_se"], land["loss_se"] + land["test_loss_se"], rtol=1e-12)
    assert land["gap_se"].attrs["long_name"].endswith("at most")


def test_the_second_data_follow_the_network() -> None:
    path = cases.with_path()
    problem = Problem(path.model, path.inputs[0], path.targets, trajectory=path.trajectory, test=TEST)
    early, part = at_checkpoint(problem, 1), problem.over("0", 0.3)
    assert early.test is not None
    assert part.test is not None
    assert part.test.parameter_count == part.parameter_count < problem.parameter_count
    for each in (early, part, problem.of_examples(5)):
        plane = Plane.random(each)
        assert each.test is not None
        np.testing.assert_array_equal(
            survey(each, plane, (2, 2))["test_loss"], survey(each.test, plane, (2, 2))["loss"]
        )


def test_a_loss_of_the_network_has_a_second_data_set() -> None:
    def loss(model: nn.Module, batch: Any) -> Tensor:
        return (model(batch[0]).argmax(1) - batch[1]).abs() + model(batch[0]).square().mean(1)

    model = cases.initialised(nn.Linear(3, 4))
    problem = Problem.from_loss(model, (X[:12], Y[:12]), loss, test=TEST)
    own, plane = Problem.from_loss(model, TEST, loss), Plane.random(problem)
    np.testing.assert_array_equal(survey(problem, plane, (2, 2))["test_loss"], survey(own, plane, (2, 2))["loss"])


def test_what_is_wrong_with_the_second_data_is_said_of_them() -> None:
    for test, says in (((X[:, :2], Y), "inputs of shape"), (X, "targets"), ((X, Y + 4), "class indices")):
        with pytest.raises(InputError, match=f"second data set, test=: .*{says}"):
            classifier(test=test)


# Without the regulariser


def test_the_loss_is_the_loss_of_the_data_and_the_penalty() -> None:
    plain, problem = classifier(), classifier(weight_decay=0.3)
    for plane in (Plane.random(problem), Plane.line({k: 0 * v for k, v in problem.parameters.items()}, problem.model)):
        land, without = survey(problem, plane, (5, 4), SPAN), survey(plain, plane, (5, 4), SPAN)
        penalty = at_points(land, plane, lambda point: 0.15 * sum(float(v.square().sum()) for v in point.values()))
        np.testing.assert_allclose(land["penalty"], penalty, rtol=1e-12, atol=1e-14)
        np.testing.assert_array_equal(land["data_loss"], without["loss"])
        np.testing.assert_allclose(land["loss"], land["data_loss"] + land["penalty"], rtol=1e-12)
    assert not {"penalty", "data_loss"} & set(without.data_vars)


def test_the_penalty_is_known_where_nothing_is_measured_and_small_losses_keep_their_digits() -> None:
    problem = classifier(weight_decay=1e6)
    model = copy.deepcopy(problem.model).float()
    problem = Problem(model, X[:12].float(), Y[:12], weight_decay=1e6)
    plain = Problem(model, X[:12].float(), Y[:12])
    plane = Plane.random(problem)
    land = survey(problem, plane, (3, 3))
    np.testing.assert_allclose(land["data_loss"], survey(plain, plane, (3, 3))["loss"], rtol=1e-7)
    assert np.isfinite(survey(problem, plane, (17, 17), tolerance=0.05)["penalty"]).all()


# Identity


def test_metrics_and_second_data_are_part_of_what_a_landscape_is() -> None:
    cut = {k: (lambda z, y, k=k: (z.topk(k).indices == y[:, None]).any(1)) for k in (1, 2)}
    other = (TEST[0], TEST[1].flip(0))
    several = [
        classifier(),
        classifier(metrics={"f1": f1}),
        classifier(metrics={"f2": f1}),
        classifier(metrics={"f1": top2}),
        classifier(metrics={"f1": cut[1]}),
        classifier(metrics={"f1": cut[2]}),
        classifier(metrics={"f1": partial(f1_score, average="micro")}),
        classifier(metrics={"f1": partial(f1_score, average="macro")}),
        classifier(test=TEST),
        classifier(test=other),
    ]
    assert len({problem_digest(each) for each in several}) == len(several)
    assert problem_digest(classifier(metrics={"f1": f1})) == problem_digest(several[1])
    assert not {"metrics", "test"} & problem_identity(classifier()).keys()


def test_a_survey_without_them_says_nothing_of_them() -> None:
    problem = classifier()
    spec = Specification(problem, Plane.random(problem), (2, 2))
    assert spec.as_json()["columns"] == {"forward": ["loss", "accuracy"]}
    assert set(spec.facts["terrain"]) == {"loss_name", "is_likelihood"}


def test_a_survey_with_them_goes_on_and_takes_no_other_for_its_own(tmp_path: Path) -> None:
    made: list[int] = []

    def counted(outputs: Tensor, targets: Tensor) -> float:
        made.append(1)
        return float(outputs.mean())

    problem = classifier(metrics={"mean": counted}, test=TEST, weight_decay=0.1)
    plane, store = Plane.random(problem), tmp_path / "land"
    land = survey(problem, plane, (3, 3), store=store)
    again = len(made)
    np.testing.assert_array_equal(survey(problem, plane, (3, 3), store=store)["mean"], land["mean"])
    assert len(made) == again
    assert list(read_landscape(store).data_vars) == list(land.data_vars)
    for other in (classifier(weight_decay=0.1), classifier(metrics={"mean": f1}, test=TEST, weight_decay=0.1)):
        with pytest.raises(InputError, match="another landscape"):
            survey(other, plane, (3, 3), store=store)


def test_a_decayed_survey_from_before_goes_on_and_gets_the_new_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    problem, store = classifier(weight_decay=0.2), tmp_path / "land"
    plane = Plane.random(problem)
    with monkeypatch.context() as before:
        before.setattr(terrain, "FURTHER", ())
        old = survey(problem, plane, (3, 3), store=store)
    assert list(read_landscape(store).data_vars) == list(old.data_vars) == ["measured", "loss", "accuracy", "error"]
    expected, grown = survey(problem, plane, (3, 3)), survey(problem, plane, (3, 3), store=store)
    assert {"data_loss", "penalty"} < set(grown.data_vars)
    for name in expected.data_vars:
        np.testing.assert_array_equal(grown[name], expected[name])


def test_a_first_picture_takes_a_share_of_the_second_data() -> None:
    problem = classifier(test=TEST)
    part = with_less_second(problem, 0.5)
    assert part.test is not None
    assert problem.test is not None
    assert (part.test.example_count, problem.test.example_count, part.example_count) == (9, 18, 12)
    assert with_less_second(classifier(), 0.5).test is None
