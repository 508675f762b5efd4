"""A function of one's own that gives one number for a batch, as training scripts write it: loss = criterion(outputs, targets)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from ...checks import InputError
from .custom import Custom

COPIES = (2, 3)  # of the examples tried, to tell a sum from a mean
CLOSE = 1e-4
ONE_NUMBER = (
    "The loss gives one number for a batch, the mean of its examples, so that none has a loss of its own; return losses of shape "
    "(n,), reduction='none', where there are such, for what is measured of single examples."
)


@dataclass(frozen=True)
class BatchMean(Custom):
    """A callable (outputs, targets) → one number: what is drawn is its mean over the batches, each weighed by its examples."""

    name = "one number for a batch"
    is_per_example = False
    is_of_batches = True

    def losses(self, outputs: Any, targets: Tensor) -> Tensor:
        return (self.function(outputs, targets) * len(targets)).reshape(1)


def require_mean(function: Any, outputs: Any, targets: Tensor, number: Tensor) -> None:
    """Raise InputError where the number is the batch's sum: that of copies of a batch is then so many times it.

    >>> z, y = torch.ones(2, 1), torch.zeros(2, 1)
    >>> mean = lambda z, y: (z - y).square().mean()
    >>> require_mean(mean, z, y, mean(z, y))
    """
    one = float(number.detach())
    try:
        many = [float(function(_copied(outputs, len(targets), k), torch.cat([targets] * k)).detach()) for k in COPIES]
    except Exception:  # a loss that takes no other number of examples is of the batch as it is
        return
    if one and all(abs(each - k * one) <= CLOSE * abs(k * one) for k, each in zip(COPIES, many, strict=True)):
        raise InputError(
            "The loss function gives the sum over a batch, which grows with its examples: return the mean, reduction='mean', or "
            "one loss per example, reduction='none'."
        )


def _copied(outputs: Any, count: int, copies: int) -> Any:
    def again(leaf: Any) -> Any:
        rows = isinstance(leaf, Tensor) and leaf.ndim and len(leaf) == count
        return torch.cat([leaf] * copies) if rows else leaf

    return pytree.tree_map(again, outputs)
