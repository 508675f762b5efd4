"""Parameters that are views of the same numbers are refused; those cut from one buffer side by side are not."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from lossnav.core import InputError, Problem
from lossnav.core.problem.shared_memory import check_memory
from torch import Tensor, nn
from torch.nn import functional as F

X, Y = torch.eye(3), torch.tensor([0, 1, 2])


def transposed(model: nn.Sequential) -> None:
    model[1].weight = nn.Parameter(model[0].weight.t())


def sliced(model: nn.Sequential) -> None:
    model[1].weight = nn.Parameter(model[0].weight[:, 1:2].expand(4, 3)[:3].t()[:, :3])


def the_same_numbers(model: nn.Sequential) -> None:
    model[1].weight.data = model[0].weight.data.view(4, 3).t()


def a_buffer(model: nn.Sequential) -> None:
    model.register_buffer("kept", model[0].weight.detach()[1:])


def a_frozen_view(model: nn.Sequential) -> None:
    model[1].weight = nn.Parameter(model[0].weight.detach().t(), requires_grad=False)


def net() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4, bias=False), nn.Linear(4, 3, bias=False))


@pytest.mark.parametrize("share", [transposed, sliced, the_same_numbers, a_buffer, a_frozen_view])
def test_views_of_the_same_numbers_are_refused(share: Callable[[nn.Sequential], None]) -> None:
    model = net()
    share(model)
    with pytest.raises(InputError, match="views of the same numbers"):
        Problem(model, X, Y)


def test_parts_of_one_buffer_share_nothing() -> None:
    model, flat = net(), torch.randn(24)
    model[0].weight.data, model[1].weight.data = flat[:12].view(4, 3), flat[12:].view(3, 4)
    check_memory(model)
    table = torch.randn(4, 6)
    model[0].weight.data, model[1].weight.data = table[:, ::2], table[:, 1::2].t()  # between each other's columns
    check_memory(model)


def test_both_remedies_work() -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Linear(3, 4, bias=False)

        def forward(self, x: Tensor) -> Tensor:
            return F.linear(self.first(x), self.first.weight.t())

    assert Problem(Tied(), X, Y).parameter_count == 12
    square = nn.Sequential(nn.Linear(3, 3, bias=False), nn.Linear(3, 3, bias=False))
    square[1].weight = square[0].weight
    assert Problem(square, X, Y).parameter_count == 9
