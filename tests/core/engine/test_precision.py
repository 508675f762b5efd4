"""Precisions below float32, and float32 that is exact whatever the process was set to."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator

import cases
import numpy as np
import pytest
import torch
from abilities import needs
from lossnav.core import InputError, Plane, Problem
from lossnav.core.engine import precision_choice
from lossnav.core.engine.evaluator import Evaluator
from lossnav.core.engine.execution import Way
from lossnav.core.engine.precision import arithmetic
from lossnav.core.properties.terrain import TERRAIN
from torch import Tensor, nn

CPU = torch.device("cpu")
POINTS = np.random.default_rng(0).uniform(-1, 1, (9, 2))
SETTINGS = ("highest", "high", "medium")


@pytest.fixture(autouse=True)
def _own_settings() -> Iterator[None]:
    before, cudnn = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    yield
    torch.set_float32_matmul_precision(before)
    torch.backends.cudnn.allow_tf32 = cudnn


def readings() -> tuple[object, ...]:
    return (
        torch.get_float32_matmul_precision(),
        torch.backends.cuda.matmul.allow_tf32,
        torch.backends.cudnn.allow_tf32,
    )


def network(dtype: torch.dtype = torch.float32) -> Problem:
    model = nn.Sequential(nn.Conv2d(2, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Linear(128, 3))
    model = cases.initialised(model, dtype=dtype)
    return Problem(model, cases.normal(40, 2, 6, 6, dtype=dtype), cases.labels(40, classes=3))


def evaluator(problem: Problem, **more: object) -> Evaluator:
    return Evaluator(problem, Plane.random(problem), TERRAIN.measures(problem), CPU, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("cudnn", [False, True])
@pytest.mark.parametrize("setting", SETTINGS)
def test_products_are_exact_inside_and_the_users_settings_come_back(setting: str, cudnn: bool) -> None:
    torch.set_float32_matmul_precision(setting)
    torch.backends.cudnn.allow_tf32 = cudnn
    before = readings()
    with arithmetic(None):
        assert readings() == ("highest", False, False)
    assert readings() == before
    with arithmetic("tf32"):
        assert readings() == ("high", True, True)
    assert readings() == before


def test_settings_come_back_after_an_error() -> None:
    torch.set_float32_matmul_precision("medium")
    before = readings()
    with pytest.raises(KeyError), arithmetic(None):
        raise KeyError
    assert readings() == before


def test_two_threads_share_what_is_asked_for_and_the_users_settings_come_back() -> None:
    torch.set_float32_matmul_precision("medium")
    before, seen = readings(), []
    first_inside, second_inside, first_left = threading.Event(), threading.Event(), threading.Event()

    def first() -> None:
        with arithmetic(None):
            first_inside.set()
            second_inside.wait(10)
        first_left.set()

    def second() -> None:
        first_inside.wait(10)
        with arithmetic("bf16"):
            second_inside.set()
            first_left.wait(10)
            seen.append(readings())

    in_parallel(first, second)
    assert seen == [("highest", False, False)]
    assert readings() == before


def test_a_thread_that_asks_for_another_precision_waits_its_turn() -> None:
    before, order = readings(), []
    inside = threading.Event()

    def exact() -> None:
        with arithmetic(None):
            inside.set()
            other_waits.wait(0.2)  # long enough for the other to enter, were it let in
            order.append(("exact", readings()))

    def low() -> None:
        inside.wait(10)
        with arithmetic("tf32"):
            order.append(("tf32", readings()))

    other_waits = threading.Event()
    in_parallel(exact, low)
    assert order == [("exact", ("highest", False, False)), ("tf32", ("high", True, True))]
    assert readings() == before


def in_parallel(*functions: Callable[[], None]) -> None:
    threads = [threading.Thread(target=function) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)


@pytest.mark.parametrize("way", [{"network": "plain"}, {"network": "fused"}, {"points": 3}])
def test_the_callers_own_autocast_is_left_out(way: dict[str, object]) -> None:
    each = {"batch_size": 16, **way}
    expected = evaluator(network(), way=each).evaluate(POINTS)
    with torch.autocast("cpu", torch.bfloat16):
        assert np.array_equal(evaluator(network(), way=each).evaluate(POINTS), expected)


class PartlyExact(nn.Module):
    """Asks for full precision in one of its layers."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.head = nn.Linear(8, 8), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast("cpu", enabled=False):
            x = torch.relu(torch.bmm(self.layer(x)[:, None], self.layer.weight.expand(len(x), 8, 8))[:, 0])
        return self.head(x)


@needs("onednn bf16")
def test_a_layer_that_asks_for_full_precision_has_it_in_the_fused_way_too() -> None:
    model = cases.initialised(PartlyExact(), dtype=torch.float32)
    problem = Problem(model, cases.normal(40, 8, dtype=torch.float32), cases.labels(40, classes=3))
    plain, fused = (
        evaluator(problem, precision="bf16", way={"network": n, "batch_size": 40}) for n in ("plain", "fused")
    )
    assert fused.way["network"] == "fused"
    np.testing.assert_allclose(fused.evaluate(POINTS)[:, 0], plain.evaluate(POINTS)[:, 0], rtol=1e-5)


class Asking(nn.Module):
    """Notes what the process is set to while it runs."""

    def __init__(self, seen: list[object]) -> None:
        super().__init__()
        self.layer, self.seen = nn.Linear(3, 3), seen

    def __deepcopy__(self, memo: dict[int, object]) -> Asking:
        copy = Asking(self.seen)
        copy.load_state_dict(self.state_dict())
        return copy

    def forward(self, x: Tensor) -> Tensor:
        self.seen.append(readings())
        return self.layer(x)


def test_an_evaluation_is_exact_whatever_the_process_was_set_to() -> None:
    seen: list[object] = []
    problem = Problem(Asking(seen), cases.normal(6, 3, dtype=torch.float32), cases.labels(6, classes=3))
    torch.set_float32_matmul_precision("medium")
    found = evaluator(problem)
    seen.clear()
    found.evaluate(POINTS)
    assert set(seen) == {("highest", False, False)}
    assert torch.get_float32_matmul_precision() == "medium"


FUSED = pytest.param({"network": "fused", "layout": "channels_last"}, marks=needs("onednn bf16"))


@pytest.mark.parametrize("way", [{"network": "plain"}, FUSED, {"points": 3}])
def test_bf16_is_near_float32_and_not_it(way: dict[str, object]) -> None:
    exact = evaluator(network()).evaluate(POINTS)
    low = evaluator(network(), precision="bf16", way={"batch_size": 16, **way})
    gaps = np.abs(low.evaluate(POINTS)[:, 0] / exact[:, 0] - 1)
    assert 1e-6 < gaps.max() < 2e-2
    assert {**low.way, **way} == low.way


@pytest.mark.parametrize("name", ["plain", pytest.param("fused", marks=needs("onednn bf16"))])
def test_the_error_of_bf16_is_measured_and_stated(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(precision_choice, "choose", lambda each, points, planned: each.adopt(Way(name, 16)))
    low, exact = evaluator(network(), precision="bf16", insist=True), evaluator(network())
    assert exact.precision_error is None
    low.tune(POINTS)
    assert low.way["network"] == name
    stated = json.loads(json.dumps(low.precision_error))
    gaps = np.abs(low.evaluate(POINTS) - exact.evaluate(POINTS))
    assert (stated["precision"], stated["points"]) == ("bf16", 9)
    assert stated["largest"] == pytest.approx(dict(zip(low.columns, gaps.max(0).tolist(), strict=True)))
    assert stated["loss_relative"] > 1e-6


def test_float32_by_name_is_the_exact_one() -> None:
    assert np.array_equal(
        evaluator(network(), precision="float32").evaluate(POINTS), evaluator(network()).evaluate(POINTS)
    )


@pytest.mark.parametrize(
    ("precision", "dtype", "says"),
    [
        ("bfloat", torch.float32, "Unknown precision"),
        ("bf16", torch.float64, "float64"),
        ("tf32", torch.float32, "NVIDIA"),
    ],
)
def test_an_impossible_precision_is_refused_in_a_sentence(precision: str, dtype: torch.dtype, says: str) -> None:
    with pytest.raises(InputError, match=says):
        evaluator(network(dtype), precision=precision)
