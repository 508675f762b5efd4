"""The engine on a GPU: the CPU's numbers, one graph per point, no waiting inside a tile, errors of TF32 and bf16 stated."""

from __future__ import annotations

from collections.abc import Iterator

import cases
import numpy as np
import pytest
import torch
from abilities import needs
from lossnav.core import Plane, Problem
from lossnav.core.engine import tuning
from lossnav.core.engine.evaluator import Evaluator
from lossnav.core.properties import PROPERTIES
from lossnav.core.properties.terrain import TERRAIN
from torch import nn

pytestmark = [
    pytest.mark.cuda,
    needs("cuda"),
    # cuDNN would have a recurrent network's weights in one piece, and here they are views of the flat buffer
    pytest.mark.filterwarnings("ignore:RNN module weights are not part of single contiguous chunk"),
    pytest.mark.filterwarnings("ignore:Synchronization debug mode is a prototype feature"),
]
POINTS = np.random.default_rng(0).uniform(-1, 1, (12, 2))
WAYS: dict[str, dict[str, object]] = {
    "plain": {"network": "plain"},
    "fused": {"network": "fused"},
    "fused, channels last": {"network": "fused", "layout": "channels_last"},
    "graph": {"network": "plain", "graph": True},
    "fused graph": {"network": "fused", "layout": "channels_last", "graph": True},
    "points at once": {"network": "plain", "points": 5},
}


def network(dtype: torch.dtype = torch.float32) -> Problem:
    class ResidualBlock(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Conv2d(8, 8, 3, padding=1), nn.Conv2d(8, 8, 3, padding=1, bias=False)
            self.norms = nn.ModuleList(nn.BatchNorm2d(8) for _ in range(2))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.relu(self.norms[1](self.second(torch.relu(self.norms[0](self.first(x))))) + x)

    model = nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.ReLU(), ResidualBlock(), nn.Flatten(), nn.Linear(288, 32), nn.ReLU(), nn.Linear(32, 5)
    )
    model = cases.initialised(model, dtype=dtype)
    return Problem(model, cases.normal(50, 3, 8, 8, dtype=dtype), cases.labels(50, classes=5))


def evaluator(problem: Problem, device: str = "cuda", **more: object) -> Evaluator:
    measures = [*TERRAIN.measures(problem), *(m for each in PROPERTIES for m in each.measures(problem))]
    return Evaluator(problem, Plane.random(problem), measures, torch.device(device), **more)  # type: ignore[arg-type]


@pytest.fixture
def _waiting_is_allowed_again() -> Iterator[None]:
    yield
    torch.cuda.set_sync_debug_mode("default")


@pytest.mark.parametrize("name", WAYS)
def test_every_way_gives_the_cpus_numbers(name: str) -> None:
    found = evaluator(network(), way={"batch_size": 20, **WAYS[name]})
    assert {**found.way, **WAYS[name]} == found.way  # it was not given up
    expected = evaluator(network(), "cpu").evaluate(POINTS)
    np.testing.assert_allclose(found.evaluate(POINTS)[:, 0], expected[:, 0], rtol=1e-5)
    np.testing.assert_allclose(found.evaluate(POINTS), expected, rtol=1e-3, atol=1e-3 + 1 / 50)


@pytest.mark.parametrize("name", cases.CASES)
def test_every_case_gives_the_cpus_numbers(name: str) -> None:
    problem = cases.CASES[name]()
    expected = evaluator(problem, "cpu").evaluate(POINTS)
    np.testing.assert_allclose(evaluator(problem).evaluate(POINTS), expected, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("network_way", ["plain", "fused"])
def test_a_replayed_graph_gives_the_eager_bits(network_way: str) -> None:
    way = {"network": network_way, "batch_size": 20}
    eager, graph = (evaluator(network(), way={**way, "graph": g}) for g in (False, True))
    assert graph.way["graph"]
    assert np.array_equal(graph.evaluate(POINTS), eager.evaluate(POINTS))


def test_one_graph_serves_every_plane() -> None:
    problem = network()
    way = {"network": "fused", "batch_size": 20}
    eager, graph = (evaluator(problem, way={**way, "graph": g}) for g in (False, True))
    graph.evaluate(POINTS)
    captured = graph._passes._replay
    for each in (eager, graph):
        each.turn_to(Plane.random(problem, seed=9))
    assert np.array_equal(graph.evaluate(POINTS), eager.evaluate(POINTS))
    assert graph._passes._replay is captured


class Waiting(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x) * float(x.abs().max())


def test_a_network_that_waits_for_the_gpu_has_no_graph_and_spoils_none() -> None:
    model = cases.initialised(Waiting(), dtype=torch.float32)
    problem = Problem(model, cases.normal(9, 3, dtype=torch.float32), cases.labels(9, classes=3))
    found = evaluator(problem, way={"batch_size": 9, "graph": True})
    assert not found.way["graph"]
    np.testing.assert_allclose(found.evaluate(POINTS), evaluator(problem, "cpu").evaluate(POINTS), rtol=1e-4, atol=1e-4)
    torch.rand(1, device="cuda")  # the generator is not left in a capture
    assert evaluator(network(), way={"batch_size": 20, "graph": True}).way["graph"]


def test_a_diverged_point_is_no_number_in_any_way() -> None:
    far = np.array([[10.0**k, 0.0] for k in range(0, 33, 4)])
    expected = np.isfinite(evaluator(network()).evaluate(far)[:, 0])
    for way in WAYS.values():
        found = evaluator(network(), way={"batch_size": 20, **way}).evaluate(far)[:, 0]
        assert np.isfinite(found).tolist() == expected.tolist()


@pytest.mark.parametrize("name", WAYS)
@pytest.mark.usefixtures("_waiting_is_allowed_again")
def test_nothing_waits_for_the_gpu_inside_a_tile(name: str) -> None:
    found = evaluator(network(), way={"batch_size": 20, **WAYS[name]})
    found.evaluate(POINTS)  # loads kernels, records, captures
    step = found.way["points"]
    torch.cuda.set_sync_debug_mode("error")
    with torch.inference_mode():
        rows = [found._stillness.run(lambda i=i: found._sums(POINTS[i : i + step])) for i in range(0, 10, step)]  # type: ignore[misc]
    assert len(rows) == -(-10 // step)


@pytest.mark.parametrize("precision", ["tf32", "bf16"])
def test_the_error_of_a_lower_precision_is_stated(precision: str) -> None:
    low = evaluator(network(), precision=precision, insist=True)
    low.tune(POINTS)
    assert low.precision_error is not None
    assert low.precision_error["precision"] == precision
    exact = evaluator(network()).evaluate(POINTS)[:, 0]
    worst = np.abs(low.evaluate(POINTS)[:, 0] / exact - 1).max()
    assert 0 < worst < 3e-2
    assert 0 < low.precision_error["loss_relative"] <= 1.01 * worst


def test_float32_is_exact_where_the_process_allows_tf32() -> None:
    exact = evaluator(network()).evaluate(POINTS)
    before = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    torch.set_float32_matmul_precision("high")
    torch.backends.cudnn.allow_tf32 = True
    try:
        assert np.array_equal(evaluator(network()).evaluate(POINTS), exact)
        assert torch.get_float32_matmul_precision() == "high"
    finally:
        torch.set_float32_matmul_precision(before[0])
        torch.backends.cudnn.allow_tf32 = before[1]


def test_the_choice_on_a_gpu_agrees_with_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tuning, "WORTH_SECONDS", 0.0)
    monkeypatch.setattr(tuning, "_seconds", {})
    monkeypatch.setattr(tuning, "_fastest_ways", {})
    monkeypatch.setattr(tuning, "FEWEST_POINTS", 0)
    tuned = evaluator(network())
    tuned.tune(POINTS)
    np.testing.assert_allclose(tuned.evaluate(POINTS)[:, 0], evaluator(network()).evaluate(POINTS)[:, 0], rtol=1e-6)


class Drawing(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x) + torch.randn((), device=x.device)


def test_noise_drawn_on_the_gpu_is_the_same_at_every_point() -> None:
    model = cases.initialised(Drawing(), dtype=torch.float32)
    problem = Problem(model, cases.normal(9, 3, dtype=torch.float32), cases.labels(9, classes=3))
    state = torch.cuda.get_rng_state()
    forth, back = evaluator(problem).evaluate(POINTS), evaluator(problem).evaluate(POINTS[::-1])
    assert np.array_equal(forth, back[::-1])
    assert torch.equal(state, torch.cuda.get_rng_state())
