"""Networks and losses that write to what they are given: found once, and given a copy of their own from then on."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map


def written(given: Sequence[Tensor], kept: Sequence[Tensor]) -> bool:
    """Whether any of `given` was written to since it was cloned from `kept`: by torch's own count, or by its numbers.

    >>> kept = torch.ones(2)
    >>> given = kept.clone()
    >>> written([given], [kept]), written([given.zero_()], [kept])
    (False, True)
    """
    return any(_differs(now, before) for now, before in zip(given, kept, strict=True))


def _differs(now: Tensor, before: Tensor) -> bool:
    if not now.is_inference() and now._version:
        return True
    return now.shape != before.shape or not torch.equal(now, before.to(now))


def copying_inputs(network: nn.Module) -> None:
    """From now on `network` runs on a copy of every tensor it is called with.

    >>> network = nn.ReLU(inplace=True)
    >>> copying_inputs(network)
    >>> x = torch.tensor([-1.0])
    >>> network(x).tolist(), x.tolist()
    ([0.0], [-1.0])
    """

    def copied(_network: nn.Module, args: Any, kwargs: Any) -> Any:
        return tree_map(_copy, args), tree_map(_copy, kwargs)

    network.register_forward_pre_hook(copied, with_kwargs=True)


def copying_targets(function: Callable[[Any, Tensor], Tensor]) -> Callable[[Any, Tensor], Tensor]:
    """The same loss, of a copy of the targets; its name, by which a landscape knows it, stays."""

    @functools.wraps(function)
    def call(outputs: Any, targets: Tensor) -> Tensor:
        return function(outputs, targets.clone())

    return call


def _copy(thing: Any) -> Any:
    return thing.clone() if isinstance(thing, Tensor) else thing
