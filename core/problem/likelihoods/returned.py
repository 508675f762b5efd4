"""What a loss function returned, read as a training step reads it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor


def loss_in(returned: Any, count: int) -> Any:
    """The entry or attribute `loss` of what holds one, such as a dict or a transformers output; one number in a row as a number.

    count  examples of the batch: of one example a row of one number is its loss

    >>> import torch
    >>> loss_in({"loss": torch.ones(1), "logits": torch.ones(2, 3)}, 2), loss_in(torch.ones(2), 2)
    (tensor(1.), tensor([1., 1.]))
    """
    if isinstance(returned, Mapping):
        returned = returned.get("loss", returned)
    elif not isinstance(returned, (Tensor, tuple, list)):
        returned = getattr(returned, "loss", returned)
    if isinstance(returned, Tensor) and returned.ndim and returned.numel() == 1 and count > 1:
        return returned.reshape(())
    return returned


def giving_loss(function: Callable[[Any, Tensor], Any]) -> Callable[[Any, Tensor], Tensor]:
    """The same loss as `loss_in` reads it; its name, by which a landscape knows it, stays."""

    @functools.wraps(function)
    def call(outputs: Any, targets: Tensor) -> Tensor:
        found: Tensor = loss_in(function(outputs, targets), len(targets))
        return found

    return call
