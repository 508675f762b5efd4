"""A checkpoint in the middle of a training with BatchNorm: its loss is of the statistics that it is run with."""

from __future__ import annotations

import copy

import pytest
import torch
from lossnav.core import Plane
from lossnav.core.curvature.loss_function import LossFunction
from lossnav.sample_models import digits_resnet
from torch.nn import functional as F


def test_the_trained_networks_statistics_make_an_earlier_checkpoint_far_worse_than_it_was() -> None:
    problem = digits_resnet.problem()
    assert problem.trajectory is not None
    index = list(problem.trajectory.steps).index(43)
    point = problem.trajectory.at(index)
    alpha, beta, off = Plane.trajectory(problem).project(point)
    assert off == pytest.approx(2.05, abs=0.01)
    found = {}
    for mode in ("eval", "recalibrate"):
        part = copy.copy(problem)
        part.batchnorm = mode
        function = LossFunction(part, None, "cpu")
        for place, where in (("checkpoint", point), ("plane", Plane.trajectory(problem).at(alpha, beta))):
            flat = function.layout.flatten(where, function.point.device, function.point.dtype)
            found[mode, place] = function.calibrate(flat).loss(flat)
    # what docs/methods.md says of it
    assert found["eval", "checkpoint"] == pytest.approx(11.4, abs=0.05)
    assert found["eval", "plane"] == pytest.approx(0.205, abs=0.005)
    assert found["recalibrate", "checkpoint"] == pytest.approx(0.028, abs=0.001)
    assert found["recalibrate", "plane"] == pytest.approx(0.011, abs=0.001)
    model = copy.deepcopy(problem.model)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(point[name])
        outputs = model.train()(problem.args[0])  # as training runs it, of all the data at once
        assert found["recalibrate", "checkpoint"] == pytest.approx(
            float(F.cross_entropy(outputs, problem.targets)), rel=0.02
        )
