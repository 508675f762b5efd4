"""The way of running the network: chosen by measurement, recorded, given back, and of no effect on the numbers."""

from __future__ import annotations

import json
from collections.abc import Callable

import cases
import numpy as np
import pytest
import torch
from abilities import needs
from lossnav.core import InputError, Plane, Problem
from lossnav.core.engine import kernels, tuning
from lossnav.core.engine import passes as passes_module
from lossnav.core.engine.evaluator import Evaluator
from lossnav.core.engine.execution import Way
from lossnav.core.network.workspace import Batch, Workspace
from lossnav.core.properties import PROPERTIES
from lossnav.core.properties.terrain import TERRAIN
from torch import Tensor, nn

CPU = torch.device("cpu")
GRID = np.stack(np.meshgrid(np.linspace(-1, 1, 5), np.linspace(-1, 1, 5)), -1).reshape(-1, 2)
PLAIN = {"network": "plain", "layout": "contiguous", "points": 1, "graph": False}
needs_kernels = needs("onednn")


pytestmark = pytest.mark.usefixtures("fresh_tuning")


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

    monkeypatch.setattr(tuning, "timed", timed)


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
    # a bin's miss is the difference of a confidence and 0 or 1, so float32's rounding of 1 counts in it
    np.testing.assert_allclose(tuned.evaluate(GRID), plain.evaluate(GRID), rtol=1e-5, atol=1e-7)
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


def tiny(examples: int = 40) -> Problem:
    model = nn.Sequential(nn.Linear(3, 8), nn.LayerNorm(8), nn.Tanh(), nn.Linear(8, 3))  # for which there are no stacks
    inputs, targets = cases.normal(examples, 3, dtype=torch.float32), cases.labels(examples, classes=3)
    return Problem(cases.initialised(model, 0, torch.float32), inputs, targets)


def seconds_of_calls(monkeypatch: pytest.MonkeyPatch, each: float) -> None:
    """Make a pass take `each` seconds a point for its calls, however many points go at once."""

    def timed(evaluator: Evaluator, way: Way, batches: list[Batch], point: np.ndarray) -> float:
        evaluator.trial(way, batches, np.tile(point, (way.points, 1)))
        passes = len(batches) * (10 if way.network == "fused" else 1)
        return each * passes / (way.points * sum(len(batch.shaped_targets) for batch in batches))

    monkeypatch.setattr(tuning, "timed", timed)


def test_points_of_a_tiny_network_go_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds_of_calls(monkeypatch, 1e-4)
    found = evaluator(tiny())
    found.tune(GRID, planned=100_000)
    assert found.way == {**PLAIN, "points": 64, "batch_size": 40}
    expected = evaluator(tiny()).evaluate(GRID)
    np.testing.assert_allclose(found.evaluate(GRID)[:, 0], expected[:, 0], rtol=1e-6)


def test_points_of_a_network_that_is_not_tiny_go_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds_of_calls(monkeypatch, 10 * tuning.TINY_SECONDS)
    found = evaluator(tiny())
    found.tune(GRID, planned=100_000)
    assert found.way["points"] == 1


def test_a_choice_that_did_not_pay_yet_is_made_when_more_is_to_come(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds_of_calls(monkeypatch, 1e-4)
    found = evaluator(tiny())
    found.tune(GRID)
    assert found.way == {**PLAIN, "batch_size": 40}
    found.tune(GRID, planned=100_000)
    assert found.way["points"] == 64
    found.tune(GRID)  # once chosen it stays
    assert found.way["points"] == 64


def test_a_choice_that_is_known_serves_a_survey_of_few_of_as_many_points(monkeypatch: pytest.MonkeyPatch) -> None:
    """An adaptive survey after a full one has its numbers to the last bit, though it plans few points."""
    seconds_of_calls(monkeypatch, 1e-4)
    many = np.tile(GRID, (200, 1))
    full, few, other = evaluator(tiny()), evaluator(tiny()), evaluator(tiny())
    full.tune(many, planned=100_000)
    few.tune(many, planned=100)
    other.tune(GRID, planned=20)  # a small grid of its own stays plain
    assert few.way == full.way != other.way == {**PLAIN, "batch_size": 40}
    assert np.array_equal(few.evaluate(GRID), full.evaluate(GRID))


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

    monkeypatch.setattr(tuning, "timed", timed)
    monkeypatch.setattr(tuning, "WORTH_SECONDS", 0.0)
    found = evaluator(network())
    found.tune(GRID)
    assert found.way["batch_size"] == 20


@needs_kernels
def test_a_way_with_other_numbers_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    timings(monkeypatch, SLOW_PLAIN)
    real = kernels._onednn_convolution
    monkeypatch.setattr(kernels, "_onednn_convolution", lambda *args: real(*args) * (1 + 1e-4))
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


class CountingCalls(nn.Module):
    """Writes a buffer that its outputs do not depend on."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 3)
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        return self.layer(x)


def test_what_writes_stays_plain_for_every_evaluator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tuning, "WORTH_SECONDS", 0.0)
    monkeypatch.setattr("lossnav.core.engine.evaluator.forward_batch_size", lambda problem, device: 20)
    model = cases.initialised(CountingCalls(), dtype=torch.float32)
    problem = Problem(model, cases.normal(40, 3, dtype=torch.float32), cases.labels(40, classes=3))

    def timed(each: Evaluator, way: Way, batches: list[Batch], point: np.ndarray) -> float:
        each.trial(way, batches, point[None])
        return 1 / way.batch_size

    monkeypatch.setattr(tuning, "timed", timed)
    for _ in range(2):  # the second knows the first one's times
        found = evaluator(problem)
        found.tune(GRID)
        assert found.way == {**PLAIN, "batch_size": 20}


@needs_kernels
def test_numbers_that_are_none_show_no_agreement(monkeypatch: pytest.MonkeyPatch) -> None:
    timings(monkeypatch, SLOW_PLAIN)
    found = evaluator(network())
    found.tune(1e30 * (GRID + 2.0))
    assert found.way["network"] == "plain"


def without_room(monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    """Make passes over more than so many examples run out of memory."""
    original = Workspace.returned

    def outputs(self: Workspace, batch: Batch) -> Tensor:
        if len(batch.targets) > most:
            raise torch.OutOfMemoryError
        return original(self, batch)

    monkeypatch.setattr(Workspace, "returned", outputs)


def test_memory_may_end_while_the_ways_are_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = evaluator(network()).evaluate(GRID)
    without_room(monkeypatch, 10)
    found = evaluator(network())
    found.tune(GRID)
    np.testing.assert_allclose(found.evaluate(GRID), expected, rtol=1e-6)
    assert found.way["batch_size"] == 10


def test_points_at_once_become_fewer_where_memory_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    found = evaluator(network(), way={"batch_size": 2, "points": 4})
    real, tried = passes_module.sums_at_once, []

    def sums(space: Workspace, flats: Tensor, batch_sums: object, precision: None) -> Tensor:
        tried.append((len(flats), space.batch_size))
        if len(flats) > 2:
            raise torch.OutOfMemoryError
        return real(space, flats, batch_sums, precision)  # type: ignore[arg-type]

    monkeypatch.setattr(passes_module, "sums_at_once", sums)
    np.testing.assert_allclose(found.evaluate(GRID[:7]), evaluator(network()).evaluate(GRID[:7]), rtol=1e-5)
    assert tried[:3] == [(4, 2), (4, 1), (2, 1)]
    assert (found.way["points"], found.way["batch_size"]) == (2, 1)


class Particular(nn.Module):
    """Insists on parameters, as code that reads a mark on them does."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 3)

    def forward(self, x: Tensor) -> Tensor:
        if not isinstance(self.layer.weight, nn.Parameter):
            raise KeyError("mark")
        return self.layer(x)


@pytest.mark.parametrize("way", [{"network": "fused"}, {"points": 2}])
def test_a_network_that_raises_anything_in_another_way_stays_plain(
    monkeypatch: pytest.MonkeyPatch, way: dict[str, object]
) -> None:
    model = cases.initialised(Particular(), dtype=torch.float32)
    problem = Problem(model, cases.normal(40, 3, dtype=torch.float32), cases.labels(40, classes=3))
    pinned = evaluator(problem, way={"batch_size": 20, **way})
    assert pinned.way == {**PLAIN, "batch_size": 20}
    monkeypatch.setattr(tuning, "WORTH_SECONDS", 0.0)
    tuned = evaluator(problem)
    tuned.tune(GRID)
    np.testing.assert_allclose(tuned.evaluate(GRID), pinned.evaluate(GRID), rtol=1e-5)


class Eager:
    """Stands in for a captured graph, and counts how many there were."""

    captures = 0

    def __init__(self, compute: Callable[[], Tensor], device: torch.device) -> None:
        self.compute = compute
        Eager.captures += 1

    def __call__(self) -> Tensor:
        return self.compute()


def test_a_graph_serves_every_plane_and_goes_with_its_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passes_module, "Replay", Eager)
    monkeypatch.setattr(Eager, "captures", 0)
    problem = network()
    found, other = evaluator(problem), Plane.random(problem, seed=7)
    found.adopt(Way(batch_size=20, graph=True))
    found.evaluate(GRID)
    found.turn_to(other)
    turned = found.evaluate(GRID)
    assert Eager.captures == 1
    plain = evaluator(problem)
    plain.turn_to(other)
    np.testing.assert_allclose(turned, plain.evaluate(GRID), rtol=1e-5)
    found.adopt(Way(batch_size=10, graph=True))
    np.testing.assert_allclose(found.evaluate(GRID), turned, rtol=1e-5)
    assert Eager.captures == 2


def test_points_at_once_are_tried_where_time_and_memory_allow(monkeypatch: pytest.MonkeyPatch) -> None:
    found, given = evaluator(network()), evaluator(network(), batch_size=32)
    sizes = [(way.points, way.batch_size) for way in tuning._at_once(found, Way(batch_size=32), 1000.0)]
    assert sizes == [(4, 8), (16, 2), (64, 1)]
    assert [way.points for way in tuning._at_once(found, Way(batch_size=32), 40.0)] == [4, 16]
    assert {way.batch_size for way in tuning._at_once(given, Way(batch_size=32), 1000.0)} == {32}
    monkeypatch.setattr(tuning, "AT_ONCE_BYTES", 20 * 4 * found.workspace.layout.size)
    assert [way.points for way in tuning._at_once(found, Way(batch_size=32), 1000.0)] == [4, 16]


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
        ({"batch_size": 0}, "whole numbers from 1"),
        ({"batch_size": 2.5}, "whole numbers from 1"),
        ({"batch_size": 2, "points": "4"}, "whole numbers from 1"),
    ],
)
def test_an_impossible_way_is_refused_in_a_sentence(stated: dict[str, object], says: str) -> None:
    with pytest.raises(InputError, match=says):
        evaluator(network(), way=stated)
