"""What a loss of one's own may return, and which labels it may leave out: rows of one, dicts, attributes; targets that are NaN."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cases
import numpy as np
import pytest
import torch
from lossnav.core import InputError, Plane, Problem, survey
from lossnav.core.curvature.dense import dense_matrix
from lossnav.core.curvature.operators import curvature
from torch import Tensor, nn
from torch.nn import functional as F

N = 10
X, TWO = cases.normal(N, 2), cases.normal(N, 2, seed=4)


def smooth(outputs: int) -> nn.Module:
    return cases.initialised(nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, outputs)))


class Returned(dict[str, Tensor]):
    """As transformers return it: a dict whose entries are attributes."""

    @property
    def loss(self) -> Tensor:
        return self["loss"]


@dataclass
class Step:
    loss: Tensor
    accuracy: float = 0.0


def as_row(loss: Tensor) -> Any:
    return loss[None]


def as_dict(loss: Tensor) -> Any:
    return Returned(loss=loss, outputs=torch.zeros(3))


RETURNED = {"a row of one": as_row, "a dict": as_dict, "an attribute": Step}


@pytest.mark.parametrize(
    ("form", "reduction"),
    [(form, "mean") for form in RETURNED] + [("a dict", "none"), ("an attribute", "none")],
)
def test_a_loss_is_found_in_what_a_training_step_returns(form: str, reduction: str) -> None:
    model, y, wrap = smooth(3), cases.labels(N, classes=3), RETURNED[form]

    def step(model: nn.Module, batch: tuple[Tensor, Tensor]) -> Any:
        return wrap(F.cross_entropy(model(batch[0]), batch[1], reduction=reduction))

    def loss(outputs: Tensor, targets: Tensor) -> Any:
        return wrap(F.cross_entropy(outputs, targets, reduction=reduction))

    plain = Problem(model, X, y)
    plane = Plane.random(plain)
    expected = survey(plain, plane, (3, 2))["loss"]
    for problem in (Problem.from_loss(model, (X, y), step), Problem(model, X, y, loss=loss)):
        np.testing.assert_allclose(survey(problem, plane, (3, 2))["loss"], expected, rtol=1e-12)
        assert problem.likelihood.is_per_example == (reduction == "none")


def masked_squares(outputs: Tensor, targets: Tensor) -> Tensor:
    known = ~targets.isnan()
    return torch.where(known, outputs - torch.where(known, targets, outputs), 0.0).square().sum(1)


def masked_mean(outputs: Tensor, targets: Tensor) -> Tensor:
    known = ~targets.isnan()
    return F.mse_loss(outputs[known], targets[known])


@pytest.mark.parametrize(("loss", "parts"), [(masked_squares, N), (masked_mean, 2 * N - 3)], ids=["examples", "mean"])
def test_missing_labels_are_left_out_by_a_loss_of_ones_own(loss: Any, parts: int) -> None:
    targets = TWO.clone()
    targets[3, 1] = targets[7] = float("nan")
    model = cases.initialised(nn.Linear(2, 2, bias=False))
    problem = Problem(model, X, targets, loss=loss)
    expected = (model(X) - targets).square().nansum() / parts
    assert survey(problem, Plane.random(problem), (1, 1))["loss"].item() == pytest.approx(expected.item(), rel=1e-12)
    known = (~targets.isnan()).double()
    squares = [2 * (X * known[:, k, None]).T @ X / parts for k in range(2)]
    torch.testing.assert_close(dense_matrix(curvature(problem, device="cpu")), torch.block_diag(*squares))


@pytest.mark.parametrize("loss", ["mse", lambda z, y: (z - y).square().sum(1)], ids=["torch's", "one's own"])
def test_missing_labels_that_nobody_leaves_out_are_refused(loss: Any) -> None:
    targets = TWO.clone()
    targets[7] = float("nan")
    with pytest.raises(InputError, match="2 of its 20 values are NaN or infinite: leave those examples out"):
        Problem(smooth(2), X, targets, loss=loss)
