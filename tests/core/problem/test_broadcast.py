"""Outputs (n, 1) against targets (n,): taken row by row, with a sentence on what torch would have broadcast."""

from __future__ import annotations

import warnings
from typing import Any

import cases
import pytest
import torch
from further import Kind, agrees_with_its_training_code
from lossnav.core import Problem, check
from lossnav.core.problem.broadcast import BROADCASTING
from torch import Tensor, nn
from torch.nn import functional as F

X, Y = cases.normal(12, 3), cases.normal(12, seed=4)


def net() -> nn.Module:
    return cases.initialised(cases.mlp((3, 4, 1), nn.Tanh))


def said(problem: Problem) -> bool:
    return any("taken row by row" in note for note in problem.notes)


@pytest.mark.parametrize("loss", [nn.MSELoss(), nn.L1Loss(), nn.HuberLoss(), F.smooth_l1_loss])
def test_rows_have_their_own_targets_and_the_other_reading_is_named(loss: Any) -> None:
    problem = Problem(net(), X, Y, loss=loss)
    assert said(problem)
    assert any("every output of a batch with every target" in finding.says for finding in check(problem))
    agrees_with_its_training_code(Kind(problem, lambda m: loss(m(X)[:, 0], Y), second=False))


def test_the_remedy_is_the_loss_that_torch_broadcasts() -> None:
    criterion = nn.MSELoss()

    def quiet(model: nn.Module, batch: Any) -> Tensor:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return criterion(model(batch[0]), batch[1])  # type: ignore[no-any-return]

    problem = Problem.from_loss(net(), (X, Y), quiet, batches=4)
    parts = range(0, 12, 4)
    agrees_with_its_training_code(
        Kind(problem, lambda m: torch.stack([quiet(m, (X[i : i + 4], Y[i : i + 4])) for i in parts]).mean())
    )


def test_nothing_is_said_where_shapes_agree_or_torch_refuses() -> None:
    assert not said(Problem(net(), X, Y[:, None], loss=nn.MSELoss()))
    assert not said(Problem(net(), X, Y, loss="mse"))
    assert not said(Problem(net(), X, (Y > 0).double(), loss=nn.BCEWithLogitsLoss()))


@pytest.mark.parametrize("kind", BROADCASTING)
def test_torch_takes_both_shapes_with_these(kind: Any) -> None:
    z, y = torch.full((4, 1), 0.5), torch.ones(4)
    given = (z, y, torch.ones(4, 1)) if kind is nn.GaussianNLLLoss else (z, y)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert kind(reduction="none")(*given).numel() == 16
