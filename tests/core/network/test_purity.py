"""No point depends on the points before it, whatever a network's forward does to the network."""

from __future__ import annotations

import random
from collections.abc import Callable

import cases
import numpy as np
import pytest
import torch
from lossnav.core import Plane, Problem
from lossnav.core.engine.evaluator import Evaluator
from lossnav.core.properties.terrain import TERRAIN
from torch import Tensor, nn

POINTS = np.array([[0.0, 0.0], [1.0, -1.0], [-0.5, 0.25], [0.3, -2.0]])


class Layer(nn.Module):
    """A linear layer whose weights or outputs `act` changes."""

    def __init__(self, act: Callable[[Layer, Tensor], Tensor]) -> None:
        super().__init__()
        self.layer, self.act, self.calls = nn.Linear(4, 3), act, 0
        self.register_buffer("counted", torch.zeros(()))
        self.attribute, self.last = torch.zeros(()), torch.ones(())
        self.frozen = nn.Parameter(torch.zeros(()), requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self, x)


def renormalised(self: Layer, x: Tensor) -> Tensor:
    self.layer.weight.data = torch.renorm(self.layer.weight.data, 2, 0, 1.0)
    return self.layer(x)


def bound_anew(self: Layer, x: Tensor) -> Tensor:
    self.layer.weight = nn.Parameter(2 * self.layer.weight, requires_grad=False)
    return self.layer(x)


def counting(self: Layer, x: Tensor) -> Tensor:
    self.calls += 1
    return self.layer(x) * (1 + self.calls)


def counting_buffer(self: Layer, x: Tensor) -> Tensor:
    self.counted += 1
    return self.layer(x) * (1 + self.counted)


def counting_unseen(self: Layer, x: Tensor) -> Tensor:
    self.counted.data.add_(1)
    return self.layer(x) * (1 + self.counted)


def counting_attribute(self: Layer, x: Tensor) -> Tensor:
    self.attribute += 1
    return self.layer(x) * (1 + self.attribute)


def counting_frozen(self: Layer, x: Tensor) -> Tensor:
    self.frozen += 1
    return self.layer(x) * (1 + self.frozen)


def remembering(self: Layer, x: Tensor) -> Tensor:
    x = self.layer(x) * self.last
    self.last = x.abs().mean()
    return x


def drawing_python(self: Layer, x: Tensor) -> Tensor:
    return self.layer(x) * (1 + random.random())


def drawing_numpy(self: Layer, x: Tensor) -> Tensor:
    return self.layer(x) * (1 + float(np.random.rand()))


def drawing_torch(self: Layer, x: Tensor) -> Tensor:
    return self.layer(x) * (1 + torch.rand(()))


KNOWN = (
    renormalised,
    bound_anew,
    counting,
    counting_buffer,
    counting_unseen,
    counting_attribute,
    counting_frozen,
    remembering,
)
DRAWING = (drawing_python, drawing_numpy, drawing_torch)


def problem_of(act: Callable[[Layer, Tensor], Tensor]) -> Problem:
    model = cases.initialised(Layer(act))
    model.frozen.data.zero_()  # type: ignore[operator, union-attr]
    return Problem(model, cases.normal(9, 4), cases.labels(9, classes=3))


def losses(problem: Problem, points: np.ndarray) -> np.ndarray:
    evaluator = Evaluator(problem, Plane.random(problem, ignore=None), TERRAIN.measures(problem), torch.device("cpu"))
    return evaluator.evaluate(points)[:, 0]


@pytest.mark.parametrize("act", KNOWN)
def test_every_point_is_that_of_a_fresh_network(act: Callable[[Layer, Tensor], Tensor]) -> None:
    problem = problem_of(act)
    plane = Plane.random(problem, ignore=None)
    expected = []
    for alpha, beta in POINTS:
        model = problem_of(act).model.eval().requires_grad_(False)
        model.load_state_dict(plane.at(alpha, beta), strict=False)
        expected.append(float(nn.functional.cross_entropy(model(problem.inputs[0]), problem.targets)))
    np.testing.assert_allclose(losses(problem, POINTS), expected, rtol=1e-12)


@pytest.mark.parametrize("act", [*KNOWN, *DRAWING])
def test_points_come_out_the_same_in_any_order(act: Callable[[Layer, Tensor], Tensor]) -> None:
    problem = problem_of(act)
    forth, back = losses(problem, POINTS), losses(problem, POINTS[::-1])
    assert np.array_equal(forth, back[::-1])
    assert len(set(forth)) == len(POINTS)


@pytest.mark.parametrize("act", DRAWING)
def test_the_callers_random_state_stays(act: Callable[[Layer, Tensor], Tensor]) -> None:
    problem = problem_of(act)

    def next_numbers(before: Callable[[], object]) -> list[float]:
        torch.manual_seed(1)
        random.seed(1)
        np.random.seed(1)
        before()
        return [float(torch.rand(())), random.random(), float(np.random.rand())]

    assert next_numbers(lambda: losses(problem, POINTS)) == next_numbers(lambda: None)


def test_evaluators_made_in_inference_mode_work() -> None:
    problem = problem_of(counting_buffer)
    expected = losses(problem, POINTS)
    with torch.inference_mode():
        assert np.array_equal(losses(problem, POINTS), expected)


def test_a_frozen_network_in_another_precision_is_still() -> None:
    model = cases.initialised(nn.Sequential(nn.Linear(4, 5).requires_grad_(False), nn.ReLU(), nn.Linear(5, 3)))
    problem = Problem(model, cases.normal(9, 4), cases.labels(9, classes=3))
    plane, cpu = Plane.random(problem), torch.device("cpu")
    evaluator = Evaluator(problem, plane, TERRAIN.measures(problem), cpu, dtype=torch.float32)
    evaluator.evaluate(POINTS)
    assert evaluator.is_still()
