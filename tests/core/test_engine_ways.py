"""The way of running the network: chosen by measurement, recorded, given back, and of no effect on the numbers."""

from __future__ import annotations

import json
from collections.abc import Iterator

import cases
import numpy as np
import pytest
import torch
from lossnav.core import InputError, Plane, Problem
from lossnav.core.engine import tuning
from lossnav.core.engine.evaluator import Evaluator
from lossnav.core.engine.kernels import Kernels
from lossnav.core.engine.ways import Way
from lossnav.core.properties import PROPERTIES
from lossnav.core.terrain import TERRAIN
from torch import Tensor, nn

CPU = torch.device("cpu")
GRID = np.stack(np.meshgrid(np.linspace(-1, 1, 5), np.linspace(-1, 1, 5)), -1).reshape(-1, 2)
PLAIN = {"network": "plain", "layout": "contiguous", "points": 1, "graph": False}
needs_kernels = pytest.mark.skipif(
    Kernels.of(CPU, torch.float32) is None,
    reason="this build of torch has no oneDNN, so there is no fused way on its CPU",
)


@pytest.fixture(autouse=True)
def _fresh_memory() -> Iterator[None]:
    for known in (tuning._seconds, tuning._fastest_ways):
        known.clear()
    yield
    for known in (tuning._seconds, tuning._fastest_ways):
        known.clear()


def network(seed: int = 0) -> Problem:
    model = nn.Sequential(nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(64, 3))
    model = cases.initialised(model, seed, torch.float32)
    return Problem(model, cases.normal(40, 2, 6, 6, dtype=torch.float32), cases.labels(40, classes=3))


def evaluator(problem: Problem, **more: object) -> Evaluator:
    measures = [*TERRAIN.measures(problem), *(m for each in PROPERTIES for m in each.measures(problem))]
    return Evaluator(problem, Plane.random(problem), measures, CPU, **more)  # type: ignore[arg-type]


def timings(monkeypatch: pytest.MonkeyPatch, seconds: dict[tuple[str, str], float]) -> None:
    """Make the ways take as long as stated, (network, layout) → seconds per example, and each halving of passes longer."""

    def timed(each: Evaluator, way: Way, batches: list[object], point: np.ndarray) -> float:
        each.trial(way, batches, np.tile(point, (way.points, 1)))  # type: ignore[arg-type]
        return seconds[way.network, way.layout] * (1 + 1 / way.batch_size)

    monkeypatch.setattr(tuning, "_timed", timed)


SLOW_PLAIN = {
    ("plain", "contiguous"): 1.0,
    ("plain", "channels_last"): 1.0,
    ("fused", "contiguous"): 0.8,
    ("fused", "channels_last"): 0.5,
}


@needs_kernels
def test_the_fastest_way_is_chosen_recorded_and_agrees(monkeypatch: pytest.MonkeyPatch) -> None:
    timings(monkeypatch, SLOW_PLAIN)
    tuned, plain = evaluator(network()), evaluator(network())
    tuned.tune(GRID)
    assert (tuned.way["network"], tuned.way["layout"]) == ("fused", "channels_last")
    np.testing.assert_allclose(tuned.evaluate(GRID), plain.evaluate(GRID), rtol=1e-5)
    np.testing.assert_allclose(tuned.evaluate(GRID)[:, 0], plain.evaluate(GRID)[:, 0], rtol=1e-6)


@needs_kernels
def test_a_pinned_way_gives_the_same_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    timings(monkeypatch, SLOW_PLAIN)
    tuned = evaluator(network())
    tuned.tune(GRID)
    pinned = evaluator(network(), way=json.loads(json.dumps(tuned.way)))
    pinned.tune(GRID)  # has nothing left to choose
    assert pinned.way == tuned.way
    assert np.array_equal(pinned.evaluate(GRID[3:9]), tuned.evaluate(GRID)[3:9])


@needs_kernels
def test_the_same_choice_comes_again_whatever_the_clock_says(monkeypatch: pytest.MonkeyPatch) -> None:
    timings(monkeypatch, SLOW_PLAIN)
    first = evaluator(network())
    first.tune(GRID)
    timings(monkeypatch, dict.fromkeys(SLOW_PLAIN, 1.0))
    second = evaluator(network())
    second.tune(GRID)
    assert second.way == first.way != evaluator(network()).way
    assert np.array_equal(first.evaluate(GRID), second.evaluate(GRID))


def test_a_short_survey_is_plain_and_bound_by_the_rule() -> None:
    problem = network()
    found = evaluator(problem)
    found.tune(GRID[:3])
    assert found.way == {**PLAIN, "batch_size": 40}


@needs_kernels
def test_a_batch_size_asked_for_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    timings(monkeypatch, SLOW_PLAIN)
    found = evaluator(network(), batch_size=7)
    found.tune(GRID)
    assert found.way == {**PLAIN, "network": "fused", "layout": "channels_last", "batch_size": 7}


@needs_kernels
def test_larger_batches_are_found_where_they_pay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lossnav.core.engine.evaluator.forward_batch_size", lambda problem, device: 10)

    def timed(each: Evaluator, way: Way, batches: list[object], point: np.ndarray) -> float:
        return 1 / way.batch_size

    monkeypatch.setattr(tuning, "_timed", timed)
    monkeypatch.setattr(tuning, "WORTH_SECONDS", 0.0)
    found = evaluator(network())
    found.tune(GRID)
    assert found.way["batch_size"] == 20


@needs_kernels
def test_a_way_with_other_numbers_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    timings(monkeypatch, SLOW_PLAIN)
    real = Kernels.convolution_relu

    def off(self: Kernels, *args: object) -> Tensor:
        return real(self, *args) * (1 + 1e-4)  # type: ignore[arg-type]

    monkeypatch.setattr(Kernels, "convolution_relu", off)
    found = evaluator(network())
    found.tune(GRID)
    assert found.way["network"] == "plain"


class Drawing(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x) + 0.1 * torch.randn(())


@pytest.mark.parametrize("recalibrates", [False, True])
def test_what_is_no_function_of_weights_and_inputs_stays_plain(
    monkeypatch: pytest.MonkeyPatch, recalibrates: bool
) -> None:
    monkeypatch.setattr(tuning, "WORTH_SECONDS", 0.0)
    inputs, targets = cases.normal(9, 3, dtype=torch.float32), cases.labels(9, classes=3)
    norm = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3), nn.ReLU())
    model = norm if recalibrates else cases.initialised(Drawing(), dtype=torch.float32)
    problem = Problem(model, inputs, targets, batchnorm="recalibrate" if recalibrates else "eval")
    found = evaluator(problem)
    found.tune(GRID)
    assert found.way == {**PLAIN, "batch_size": 9}
    assert np.array_equal(found.evaluate(GRID), evaluator(problem).evaluate(GRID))


@pytest.mark.parametrize("name", cases.CASES)
@pytest.mark.parametrize("points", [2, 4])
def test_points_at_once_are_the_points_one_by_one(name: str, points: int) -> None:
    problem = cases.CASES[name]()
    at_once = evaluator(problem, way={"batch_size": 4, "points": points})
    one = evaluator(problem).evaluate(GRID[:7])
    np.testing.assert_allclose(at_once.evaluate(GRID[:7]), one, rtol=1e-9, atol=1e-12)
    assert at_once.way["points"] == (1 if name in NOT_AT_ONCE else points)


NOT_AT_ONCE = ("recurrent", "attention", "weight norm")  # torch has no rule for several of these at once


def test_points_at_once_do_not_depend_on_the_tile() -> None:
    way = {"batch_size": 40, "points": 4}
    whole = evaluator(network(), way=way).evaluate(GRID)
    parts = np.concatenate([evaluator(network(), way=way).evaluate(GRID[i : i + 3]) for i in range(0, len(GRID), 3)])
    assert np.array_equal(whole, parts)


@pytest.mark.parametrize(
    ("stated", "says"),
    [
        ({"network": "fuzed", "batch_size": 2}, "did you mean 'fused'"),
        ({"layout": "last", "batch_size": 2}, "Unknown layout"),
        ({"batches": 2}, "did you mean 'batch_size'"),
        ({"batch_size": 0}, "1 or more"),
    ],
)
def test_an_impossible_way_is_refused_in_a_sentence(stated: dict[str, object], says: str) -> None:
    with pytest.raises(InputError, match=says):
        evaluator(network(), way=stated)
