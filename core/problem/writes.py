"""Losses that write to the targets they are given: found once, and given a copy of their own from then on."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor


def written(given: Sequence[Tensor], copies: Sequence[Tensor]) -> bool:
    """Whether any of `given` was written to since it was copied to `copies`: by torch's own count, or by its numbers.

    >>> import torch
    >>> copy = torch.ones(2)
    >>> given = copy.clone()
    >>> written([given], [copy]), written([given.zero_()], [copy])
    (False, True)
    """
    return any(_differs(now, before) for now, before in zip(given, copies, strict=True))


def _differs(now: Tensor, before: Tensor) -> bool:
    if not now.is_inference() and now._version:
        return True
    before = before.to(now)
    return now.shape != before.shape or not bool(((now == before) | (now.isnan() & before.isnan())).all())


def copying_targets(function: Callable[[Any, Tensor], Tensor]) -> Callable[[Any, Tensor], Tensor]:
    """The same loss, of a copy of the targets; its name, by which a landscape knows it, stays."""

    @functools.wraps(function)
    def call(outputs: Any, targets: Tensor) -> Tensor:
        return function(outputs, targets.clone())

    return call
