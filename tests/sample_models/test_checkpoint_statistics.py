"""A checkpoint in the middle of a training with BatchNorm: its loss is of the statistics that it is run with."""

from __future__ import annotations

import copy
from collections.abc import Mapping

import pytest
import torch
from lossnav.core import Plane, Problem, Trajectory
from lossnav.core.curvature.loss_function import LossFunction
from lossnav.core.walk import training_path
from lossnav.sample_models import digits_resnet
from torch import Tensor
from torch.nn import functional as F

STEP = 48  # of digits-resnet's training


@pytest.fixture(scope="module")
def problem() -> Problem:
    return digits_resnet.problem()


@pytest.fixture(scope="module")
def path(problem: Problem) -> Trajectory:
    assert problem.trajectory is not None
    return problem.trajectory


def loss(problem: Problem, batchnorm: str, point: Mapping[str, Tensor]) -> float:
    part = copy.copy(problem)
    part.batchnorm = batchnorm
    function = LossFunction(part, None, "cpu")
    flat = function.layout.flatten(point, function.point.device, function.point.dtype)
    return function.calibrate(flat).loss(flat)


def as_torch(problem: Problem, state: Mapping[str, Tensor], train: bool = False) -> float:
    """The loss by torch alone, of the network with this state in place of its own; `train`: as training runs it."""
    model = copy.deepcopy(problem.model).train(train)
    model.load_state_dict(state, strict=False)
    with torch.no_grad():
        return float(F.cross_entropy(model(problem.args[0]), problem.targets))


def test_what_the_methods_say_of_a_checkpoint_under_each_statistics(problem: Problem, path: Trajectory) -> None:
    index = path.steps.index(STEP)
    point, plane = path.at(index), Plane.trajectory(problem)
    alpha, beta, off = plane.project(point)
    assert off == pytest.approx(2.12, abs=0.01)
    under = plane.at(alpha, beta)
    assert loss(problem, "eval", point) == pytest.approx(6.59, abs=0.01)
    assert loss(problem, "eval", under) == pytest.approx(0.051, abs=0.001)
    assert loss(problem, "recalibrate", point) == pytest.approx(0.025, abs=0.001)
    assert loss(problem, "recalibrate", under) == pytest.approx(0.006, abs=0.001)
    assert float(training_path(problem, plane, "cpu").loss[index]) == pytest.approx(0.188, abs=0.001)


def test_each_of_these_is_torchs(problem: Problem, path: Trajectory) -> None:
    index = path.steps.index(STEP)
    point, own = path.at(index), path.statistics_at(index)
    assert loss(problem, "eval", point) == pytest.approx(as_torch(problem, point), rel=1e-4)
    assert loss(problem, "recalibrate", point) == pytest.approx(as_torch(problem, point, train=True), rel=0.02)
    found = float(training_path(problem, Plane.trajectory(problem), "cpu").loss[index])
    assert found == pytest.approx(as_torch(problem, {**point, **own}), rel=1e-4)


def test_the_last_checkpoint_is_the_network_with_its_statistics(problem: Problem, path: Trajectory) -> None:
    state = problem.model.state_dict()
    last = {**path.at(len(path) - 1), **path.statistics_at(len(path) - 1)}
    assert all(torch.equal(tensor, state[name]) for name, tensor in last.items())
    assert len(path.statistics) == 2 * sum(isinstance(m, torch.nn.BatchNorm2d) for m in problem.model.modules())
