"""A lower precision runs where it is faster, exact float32 where it is not: timed, forecast, said, written down."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cases
import numpy as np
import pytest
import torch
from abilities import absent
from lossnav.core import InputError, Plane, Problem, read_landscape, survey
from lossnav.core.engine import precision_choice, tuning
from lossnav.core.engine.evaluator import Evaluator
from lossnav.core.engine.execution import Way
from lossnav.core.engine.precision_choice import UNTIMED, PrecisionChoice
from lossnav.core.network.workspace import Batch
from lossnav.core.properties.terrain import TERRAIN
from lossnav.core.survey import run
from lossnav.core.survey.cost import estimate
from lossnav.core.survey.specification import Specification
from torch import Tensor, nn

CPU = torch.device("cpu")
GRID = np.stack(np.meshgrid(np.linspace(-1, 1, 5), np.linspace(-1, 1, 5)), -1).reshape(-1, 2)


@pytest.fixture(autouse=True)
def _fresh_memory() -> Iterator[None]:
    found = (tuning._seconds, tuning._fastest_ways, precision_choice._speeds, precision_choice._raced)
    for known in found:
        known.clear()
    yield
    for known in found:
        known.clear()


def network() -> Problem:
    model = nn.Sequential(nn.Conv2d(2, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Linear(128, 3))
    inputs = cases.normal(40, 2, 6, 6, dtype=torch.float32)
    return Problem(cases.initialised(model, dtype=torch.float32), inputs, cases.labels(40, classes=3))


def evaluator(problem: Problem, **more: object) -> Evaluator:
    return Evaluator(problem, Plane.random(problem), TERRAIN.measures(problem), CPU, **more)  # type: ignore[arg-type]


def timings(monkeypatch: pytest.MonkeyPatch, low: float, exact: float = 1.0, fused: float = 0.5) -> None:
    """A clock on which the precisions take so many seconds per example, and the fused way this share of them."""

    def timed(each: Evaluator, way: Way, batches: list[Batch], point: np.ndarray) -> float:
        each.trial(way, batches, np.tile(point, (way.points, 1)))
        return (exact if each.precision is None else low) * (fused if way.network == "fused" else 1.0)

    monkeypatch.setattr(tuning, "timed", timed)


def exact_numbers() -> np.ndarray:
    return evaluator(network()).evaluate(GRID)


def test_what_is_slower_does_not_run_and_the_numbers_are_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    timings(monkeypatch, low=15.0)
    found = evaluator(network(), precision="bf16")
    found.tune(GRID)
    assert found.precision is None
    assert found.precision_error is None
    assert found.choice is not None
    assert found.choice.ran is None
    assert found.choice.speed is not None
    assert found.choice.speed <= 1 / 15
    np.testing.assert_allclose(found.evaluate(GRID), exact_numbers(), rtol=1e-5)


def test_what_is_faster_runs_and_its_error_is_stated(monkeypatch: pytest.MonkeyPatch) -> None:
    timings(monkeypatch, low=0.4)
    found = evaluator(network(), precision="bf16")
    found.tune(GRID)
    assert found.precision == "bf16"
    assert found.choice is not None
    assert found.choice.pays
    assert found.precision_error is not None
    gaps = np.abs(found.evaluate(GRID)[:, 0] / exact_numbers()[:, 0] - 1)
    assert 1e-6 < gaps.max() < 2e-2


def test_insistence_runs_what_is_slower_and_says_the_factor(monkeypatch: pytest.MonkeyPatch) -> None:
    timings(monkeypatch, low=15.0, fused=1.0)
    found = evaluator(network(), precision="bf16", insist=True)
    found.tune(GRID)
    assert found.precision == "bf16"
    assert str(found.choice).startswith("bf16 runs as insisted on, though it takes 15 times as long as exact float32")
    assert np.abs(found.evaluate(GRID)[:, 0] / exact_numbers()[:, 0] - 1).max() > 1e-6


def test_the_cause_is_named_where_the_machine_knows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    timings(monkeypatch, low=15.0)
    why = absent(monkeypatch, "onednn bf16")
    found = evaluator(network(), precision="bf16")
    found.tune(GRID)
    assert f"({why})" in str(found.choice)
    assert found.way["network"] in ("plain", "fused")  # of float32, whichever this machine has


def test_each_runs_in_its_fastest_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plainly it is slower; fused, which exact float32 has not here, it would be faster."""

    def timed(each: Evaluator, way: Way, batches: list[Batch], point: np.ndarray) -> float:
        each.trial(way, batches, np.tile(point, (way.points, 1)))
        return {(None, 1): 1.0, ("bf16", 1): 2.0, (None, 4): 1.0, ("bf16", 4): 0.5}[each.precision, way.points]

    monkeypatch.setattr(tuning, "timed", timed)
    monkeypatch.setattr(
        precision_choice,
        "choose",
        lambda each, points, planned: each.adopt(Way(batch_size=40, points=4 if each.precision else 1)),
    )
    found = evaluator(network(), precision="bf16")
    found.tune(GRID)
    assert found.choice is not None
    assert found.choice.speed == 2.0
    assert (found.precision, found.way["points"]) == ("bf16", 4)


def test_the_choice_comes_again_whatever_the_clock_says(monkeypatch: pytest.MonkeyPatch) -> None:
    timings(monkeypatch, low=15.0)
    first = evaluator(network(), precision="bf16")
    first.tune(GRID)
    timings(monkeypatch, low=0.1)
    second = evaluator(network(), precision="bf16")
    second.tune(GRID)
    assert second.choice == first.choice
    assert np.array_equal(second.evaluate(GRID), first.evaluate(GRID))


class OnlyExact(nn.Module):
    """Has no bfloat16, as a layer whose library has no kernel of it."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 3)

    def forward(self, x: Tensor) -> Tensor:
        y = self.layer(x)
        if y.dtype != torch.float32:
            raise RuntimeError("no kernel image.\nSecond line.")
        return y


def only_exact() -> Problem:
    model = cases.initialised(OnlyExact(), dtype=torch.float32)
    return Problem(model, cases.normal(40, 3, dtype=torch.float32), cases.labels(40, classes=3))


def test_what_cannot_run_is_exact_and_says_why() -> None:
    found = evaluator(only_exact(), precision="bf16")
    found.tune(GRID)
    assert found.precision is None
    assert str(found.choice) == ("Exact float32 runs in place of bf16, which cannot run here (no kernel image).")
    assert np.array_equal(found.evaluate(GRID), evaluator(only_exact()).evaluate(GRID))


def test_what_cannot_run_is_refused_where_it_is_insisted_on() -> None:
    with pytest.raises(InputError, match=r"cannot run in bf16 here \(no kernel image\): leave insist out"):
        evaluator(only_exact(), precision="bf16", insist=True).tune(GRID)


class Faulty(nn.Linear):
    """Raises from the moment on that it is told to."""

    broken = False

    def forward(self, x: Tensor) -> Tensor:
        if self.broken:
            raise KeyError("its own fault")
        return super().forward(x)


@pytest.mark.parametrize("insist", [True, False])
def test_a_networks_own_fault_is_not_laid_on_the_precision(insist: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    model = cases.initialised(Faulty(3, 3), dtype=torch.float32)
    problem = Problem(model, cases.normal(40, 3, dtype=torch.float32), cases.labels(40, classes=3))
    found = evaluator(problem, precision="bf16", insist=insist)
    monkeypatch.setattr(Faulty, "broken", True)
    with pytest.raises(KeyError, match="its own fault"):
        found.tune(GRID)


def test_what_cannot_be_timed_for_want_of_memory_runs_as_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    def timed(*_: object) -> float:
        raise torch.OutOfMemoryError

    monkeypatch.setattr(tuning, "timed", timed)
    found = evaluator(network(), precision="bf16")
    found.tune(GRID[:3])
    assert found.precision == "bf16"
    assert str(found.choice) == f"bf16 runs: {UNTIMED}."


def test_insistence_needs_something_to_insist_on() -> None:
    with pytest.raises(InputError, match="insist is about a lower precision, but none is asked for: add"):
        survey(network(), Plane.random(network()), (3, 3), device="cpu", insist=True)


def spec(land: Any) -> dict[str, Any]:
    return json.loads(land.attrs["spec"])  # type: ignore[no-any-return]


@pytest.mark.parametrize(("low", "ran"), [(15.0, None), (0.1, "bf16")])
def test_the_landscape_records_what_was_asked_what_ran_and_why(
    low: float, ran: str | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    timings(monkeypatch, low=low)
    problem = network()
    plane = Plane.random(problem)
    found = spec(survey(problem, plane, (5, 5), device="cpu", precision="bf16", store=tmp_path / "land"))
    assert found["precision"] == ran
    choice = found["precision_choice"]
    assert (choice["asked"], choice["ran"], choice["insisted"]) == ("bf16", ran or "float32", False)
    assert choice["why"] == str(PrecisionChoice("bf16", choice["speed"], why=_why(choice["why"])))
    assert ("precision_error" in found) is (ran is not None)
    assert spec(read_landscape(tmp_path / "land")) == found


def _why(sentence: str) -> str:
    """What stands in brackets: on a machine without bfloat16, that it has none."""
    return sentence.partition("(")[2].partition(")")[0]


@pytest.mark.parametrize("first", [15.0, 0.1])
def test_a_survey_that_goes_on_keeps_the_precision_that_it_was_begun_in(
    first: float, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    problem = network()
    plane = Plane.random(problem)
    timings(monkeypatch, low=first)
    whole = survey(problem, plane, (5, 5), device="cpu", precision="bf16")

    def stop(done: int, total: int) -> None:
        if done > 5:
            raise KeyboardInterrupt

    monkeypatch.setattr(run, "SECONDS_BETWEEN_WRITES", 0.0)
    with pytest.raises(KeyboardInterrupt):
        survey(problem, plane, (5, 5), device="cpu", precision="bf16", store=tmp_path / "land", progress=stop)
    precision_choice._speeds.clear()
    timings(monkeypatch, low=1 / first)  # on the other machine it is the other way round
    resumed = survey(problem, plane, (5, 5), device="cpu", precision="bf16", store=tmp_path / "land")
    assert np.array_equal(resumed["loss"].values, whole["loss"].values)
    assert spec(resumed)["precision"] == spec(whole)["precision"]


def test_the_forecast_is_of_what_will_run(monkeypatch: pytest.MonkeyPatch) -> None:
    timings(monkeypatch, low=15.0)
    problem = network()
    plane = Plane.random(problem)
    seen: list[str | None] = []
    real = Evaluator.evaluate

    def evaluate(self: Evaluator, points: np.ndarray) -> np.ndarray:
        seen.append(self.precision)
        return real(self, points)

    monkeypatch.setattr(Evaluator, "evaluate", evaluate)
    told = estimate(Specification(problem, plane, (5, 5), device="cpu", precision="bf16"))
    assert told.precision is not None
    assert told.precision.ran is None
    assert seen[-1] is None  # what was timed last is what the seconds are of
    insisted = estimate(Specification(problem, plane, (5, 5), device="cpu", precision="bf16", insist=True))
    assert insisted.precision is not None
    assert insisted.precision.ran == "bf16"
    assert seen[-1] == "bf16"
    assert estimate(Specification(problem, plane, (5, 5), device="cpu")).precision is None


@pytest.mark.parametrize(
    ("choice", "sentence"),
    [
        (PrecisionChoice("bf16", 2.0), "bf16 runs: it is 2 times as fast as exact float32 here."),
        (
            PrecisionChoice("bf16", 0.5, why="no AVX-512"),
            "Exact float32 runs in place of bf16, which takes 2 times as long here (no AVX-512); "
            "insist on it to have it all the same.",
        ),
        (
            PrecisionChoice("tf32", 1.04),
            "Exact float32 runs in place of tf32, which is less than a tenth faster here; "
            "insist on it to have it all the same.",
        ),
        (
            PrecisionChoice("tf32", 0.99, insisted=True),
            "tf32 runs as insisted on, though it is less than a tenth faster than exact float32 here.",
        ),
    ],
)
def test_the_sentence(choice: PrecisionChoice, sentence: str) -> None:
    assert str(choice) == sentence
    assert json.loads(json.dumps(choice.as_json()))["why"] == sentence
