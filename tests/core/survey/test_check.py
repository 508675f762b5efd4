"""The report says what was understood, what was tested and what cannot be had."""

from __future__ import annotations

import cases
import pytest
import torch
from lossnav.core import Problem, Trajectory, check
from torch import Tensor, nn
from torch.nn import functional as F


def told(problem: Problem) -> dict[str, str]:
    return {line.what: line.says for line in check(problem)}


@pytest.mark.parametrize("case", cases.CASES)
def test_ordinary_problems_alarm_nobody(case: str) -> None:
    assert [line for line in check(cases.CASES[case]()) if line.alarms] == []


def test_the_order_is_understood_tested_not_to_be_had() -> None:
    kinds = [line.kind for line in check(cases.regression())]
    assert list(dict.fromkeys(kinds)) == ["understood", "tested", "not to be had"]


def test_the_path_and_the_statistics_are_told() -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2)).eval()
    end = {name: value.detach().clone() for name, value in model.named_parameters()}
    start = {name: value + 1 for name, value in end.items()}
    data = torch.randn(6, 3), cases.labels(6, classes=2)
    said = told(Problem(model, *data, trajectory=Trajectory([start, end], (0, 1500))))
    assert said["training path"] == "2 checkpoints, steps 0 to 1,500; the last is the trained network."
    assert said["BatchNorm"] == "Its running statistics are the trained network's, at every point."
    away = told(Problem(model, *data, trajectory=Trajectory([end, start]), batchnorm="recalibrate"))
    assert "the trained network is not the last of them" in away["training path"]
    assert "recomputed" in away["BatchNorm"]
    bare = told(Problem(nn.Linear(3, 2), *data))
    assert bare["training path"].startswith("None was given")
    assert "BatchNorm" not in bare


def test_a_constant_says_so_and_nothing_more_is_tested() -> None:
    class Constant(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(3, 3)

        def forward(self, x: Tensor) -> Tensor:
            return x

    found = check(Problem(Constant(), torch.randn(6, 3), cases.labels(6, classes=3)))
    tested = [line for line in found if line.kind == "tested"]
    assert [line.what for line in tested] == ["parameters"]
    assert tested[0].alarms


def test_fresh_adapters_and_unused_weights_are_named() -> None:
    class Adapted(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.down, self.up, self.spare = nn.Linear(3, 2), nn.Linear(2, 3), nn.Linear(2, 2)

        def forward(self, x: Tensor) -> Tensor:
            return x + self.up(self.down(x))

    model = cases.initialised(Adapted(), 1)
    nn.init.zeros_(model.up.weight)
    found = told(Problem(model, cases.normal(6, 3), cases.labels(6, classes=3)))
    assert "'up.weight'" in found["zeros"]
    assert "normalize='none' moves all" in found["zeros"]
    assert "'spare.weight'" in found["unused"]


def test_batches_draws_and_derivatives_are_told() -> None:
    class Noisy(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(3, 3)

        def forward(self, x: Tensor) -> Tensor:
            return F.hardsigmoid(F.dropout(self.layer(x), 0.3, training=True))

    model = cases.initialised(Noisy(), 1)
    tied = Problem(
        model, cases.normal(8, 3), torch.zeros(8), loss=lambda z, y: (z - z.mean(0)).square().sum(1), draws=4
    )
    found = told(tied)
    assert "mean over all examples at once" in found["batches"]
    assert "4 draws" in found["random numbers"]
    assert "written out" in found["curvature"]
    assert "belong together" in found["single examples"]


def test_what_was_tested_is_not_tested_again() -> None:
    problem = cases.smooth(1)
    check(problem)
    kept = dict(problem.trials)
    check(problem.subset(torch.arange(6)))
    assert all(problem.trials[key] is value for key, value in kept.items())
