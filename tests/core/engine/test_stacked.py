"""Points side by side in stacks of products: the plain way's numbers, whichever points are beside them."""

from __future__ import annotations

from collections.abc import Callable

import cases
import numpy as np
import pytest
import torch
from abilities import needs
from lossnav.core import Plane, Problem
from lossnav.core.engine import tuning
from lossnav.core.engine.evaluator import Evaluator
from lossnav.core.engine.stacked import combined, three_products
from lossnav.core.network.forward import Forward
from lossnav.core.properties import PROPERTIES
from lossnav.core.properties.terrain import TERRAIN
from torch import Tensor, nn

CPU = torch.device("cpu")
POINTS = np.random.default_rng(0).uniform(-1, 1, (11, 2))  # of which the last stack of 4 is not full
STACKED = {"network": "stacked", "points": 4}


pytestmark = pytest.mark.usefixtures("fresh_tuning")


class Residual(nn.Module):
    """Sums, products and a write in place of what is read again."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.last = nn.Linear(3, 5), nn.Linear(5, 5), nn.Linear(5, 3, bias=False)
        self.gain = nn.Parameter(torch.ones(5))

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.first(x)
        other = torch.relu(self.second(torch.tanh(hidden.detach() * 1.0 + hidden))) * self.gain
        logits: Tensor = self.last(other + hidden - x.sum(1, keepdim=True))
        return logits


class Twice(nn.Module):
    """A data-dependent layer beside one that is the same at all points, and sequences in place of rows."""

    def __init__(self) -> None:
        super().__init__()
        self.fixed, self.free, self.last = nn.Linear(3, 4), nn.Linear(4, 4), nn.Linear(4, 3)
        self.fixed.requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.last(torch.sigmoid(self.free(torch.relu(self.fixed(x[:, None]))))).flatten(1)
        return logits


NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "tanh": lambda: nn.Sequential(nn.Linear(3, 6), nn.Tanh(), nn.Linear(6, 4), nn.GELU(), nn.Linear(4, 3)),
    "relu in place": lambda: nn.Sequential(nn.Linear(3, 6), nn.ReLU(inplace=True), nn.Linear(6, 3)),
    "no bias": lambda: nn.Sequential(nn.Linear(3, 6, bias=False), nn.SiLU(), nn.Linear(6, 3, bias=False)),
    "linear": lambda: nn.Linear(3, 3),
    "log-softmax": lambda: nn.Sequential(nn.Linear(3, 6), nn.ELU(), nn.Linear(6, 3), nn.LogSoftmax(1)),
    "residual": Residual,
    "frozen": Twice,
}


def problem(name: str, dtype: torch.dtype = torch.float64, examples: int = 17) -> Problem:
    model = cases.initialised(NETWORKS[name](), 0, dtype)
    return Problem(model, cases.normal(examples, 3, dtype=dtype), cases.labels(examples, classes=3))


def evaluator(of: Problem, seed: int = 0, everything: bool = False, **more: object) -> Evaluator:
    further = [m for each in PROPERTIES for m in each.measures(of)] if everything else []
    measures = [*TERRAIN.measures(of), *further]
    return Evaluator(of, Plane.random(of, seed=seed), measures, CPU, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("everything", [False, True])
@pytest.mark.parametrize("name", NETWORKS)
def test_stacks_give_the_plain_numbers(name: str, everything: bool) -> None:
    of = problem(name)
    stacked = evaluator(of, everything=everything, way={**STACKED, "batch_size": 6})
    expected = evaluator(of, everything=everything, way={"batch_size": 17}).evaluate(POINTS)
    np.testing.assert_allclose(stacked.evaluate(POINTS), expected, rtol=1e-12, atol=1e-14)
    assert (stacked.fallbacks, stacked.way["network"]) == ([], "stacked")


@needs("onednn")
@pytest.mark.parametrize("network", ["stacked", "stacked_onednn"])
@pytest.mark.parametrize("name", NETWORKS)
def test_in_single_precision_too(name: str, network: str) -> None:
    of = problem(name, torch.float32, examples=1200)  # enough for tanh by oneDNN
    stacked = evaluator(of, way={**STACKED, "network": network, "batch_size": 1200})
    found, exact = stacked.evaluate(POINTS), evaluator(of, dtype=torch.float64).evaluate(POINTS)
    np.testing.assert_allclose(found[:, 0], exact[:, 0], rtol=1e-6)
    assert (stacked.fallbacks, stacked.way["network"]) == ([], network)


@pytest.mark.parametrize("name", ["tanh", "residual"])
def test_a_number_is_the_same_to_the_bit_whichever_points_are_beside_it(name: str) -> None:
    found = evaluator(problem(name, torch.float32, 300), way={**STACKED, "batch_size": 300})
    whole = found.evaluate(POINTS)
    assert np.array_equal(np.vstack([found.evaluate(POINTS[i : i + 3]) for i in range(0, 11, 3)]), whole)
    assert np.array_equal(found.evaluate(POINTS[::-1])[::-1], whole)


def test_another_plane_has_its_own_products() -> None:
    of = problem("tanh")
    turned = evaluator(of, way={**STACKED, "batch_size": 17})
    turned.evaluate(POINTS)
    turned.turn_to(Plane.random(of, seed=5))
    np.testing.assert_allclose(turned.evaluate(POINTS), evaluator(of, seed=5).evaluate(POINTS), rtol=1e-12)


def test_weight_decay_is_part_of_it() -> None:
    plain = problem("tanh")
    of = Problem(plain.model, plain.args[0], plain.targets, weight_decay=0.1)
    stacked = evaluator(of, way={**STACKED, "batch_size": 17})
    np.testing.assert_allclose(stacked.evaluate(POINTS), evaluator(of).evaluate(POINTS), rtol=1e-12)


@pytest.mark.parametrize("distance", [1.0, 1e3])
def test_the_first_layer_keeps_its_bound(distance: float) -> None:
    """|error| ≤ 3u (|Z₀| + |α Z₁| + |β Z₂|), the third direction chosen so that the terms nearly cancel."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(50, 200, generator=generator)
    vectors = [[torch.randn(7, 200, generator=generator), torch.randn(7, generator=generator)] for _ in range(2)]
    vectors.append([-(a + distance * b) * 1.0001 for a, b in zip(*vectors, strict=True)])
    found = combined(three_products(vectors, 0, 1, x), [(distance, 1.0)])[0]
    terms = [c * (x.double() @ w.double().t() + b) for c, (w, b) in zip((1.0, distance, 1.0), vectors, strict=True)]
    bound = 3 * 2.0**-24 * sum(term.abs() for term in terms)
    assert bool(((found - sum(terms)).abs() <= bound).all())


def test_what_has_no_rule_runs_plainly_and_says_so() -> None:
    model = cases.initialised(nn.Sequential(nn.Linear(3, 6), nn.LayerNorm(6), nn.Linear(6, 3)), 0)
    of = Problem(model, cases.normal(17, 3), cases.labels(17, classes=3))
    found = evaluator(of, way={**STACKED, "batch_size": 17})
    assert found.way["network"] == "plain"
    assert "no rule" in found.fallbacks[0]
    assert np.array_equal(found.evaluate(POINTS), evaluator(of).evaluate(POINTS))


def test_a_small_network_is_run_in_stacks_where_they_are_faster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tuning, "timed", lambda each, way, batches, point: 1e-5 / way.points)
    found = evaluator(problem("tanh", torch.float32))
    found.tune(POINTS, planned=100_000)
    assert (found.way["network"], found.way["points"]) == ("stacked", tuning.MOST_STACKED)
    np.testing.assert_allclose(
        found.evaluate(POINTS), evaluator(problem("tanh", torch.float32)).evaluate(POINTS), rtol=1e-6
    )


@pytest.mark.parametrize("classes", [3, 40])
def test_of_equal_logits_the_first_is_the_largest(classes: int) -> None:
    logits = torch.tensor([[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 2.0, 1.0], [0.0, 1.0, 2.0]])
    logits = nn.functional.pad(logits, (0, classes - 3), value=-1.0)
    labels = torch.tensor([0, 1, 1, 1])
    of = problem("tanh", torch.float32)
    assert Forward(of, logits, labels, None).hits.tolist() == [True, False, True, False]
    assert Forward(of, logits[2:], labels[2:], None).hits.tolist() == [True, False]
