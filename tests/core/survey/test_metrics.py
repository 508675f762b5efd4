"""A person's own metrics: of all examples at once, at every point, against plain torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cases
import numpy as np
import pytest
import torch
from heights import SPAN, X, Y, at_points, classifier, f1, outputs_of, top2
from lossnav.core import InputError, Plane, Problem, read_landscape, survey
from lossnav.core.engine import Evaluator
from lossnav.core.survey import footprint as memory_needs
from lossnav.core.survey.specification import Specification
from lossnav.core.survey.survey import surveyed
from torch import Tensor, nn
from torch.nn import functional as F


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
