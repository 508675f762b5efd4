"""Gradient checkpointing switched off: it computes activations again when gradients are taken, with other weights by then.

Derivatives are taken in weights that are handed to the network for one call; what torch.utils.checkpoint runs again after that
call finds the network's own, and stops with an error about saved tensors.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from torch.utils import checkpoint as torchs

LOCK = threading.RLock()
PARTS = ("_checkpoint_without_reentrant_generator", "CheckpointFunction")


class _Called:
    """In place of the older kind's autograd function."""

    @staticmethod
    def apply(function: Callable[..., Any], _preserve: bool, *args: Any) -> Any:
        return function(*args)


def _once(*_args: Any, **_kwargs: Any) -> Iterator[None]:
    yield


@contextmanager
def without_checkpointing() -> Iterator[None]:
    """Inside, `torch.utils.checkpoint.checkpoint` calls the function that it is given, and keeps what derivatives need.

    >>> import torch
    >>> x = torch.ones(1, requires_grad=True)
    >>> with without_checkpointing():
    ...     y = torchs.checkpoint(torch.sin, x, use_reentrant=True)
    >>> y.grad_fn.name()
    'SinBackward0'
    """
    with LOCK:
        originals = {name: getattr(torchs, name) for name in PARTS if hasattr(torchs, name)}
        for name, instead in zip(PARTS, (_once, _Called), strict=True):
            if name in originals:
                setattr(torchs, name, instead)
        try:
            yield
        finally:
            for name, own in originals.items():
                setattr(torchs, name, own)
