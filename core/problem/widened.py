"""Outputs in half precision, from which losses are taken in float32, as training under autocast takes them."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from .number_types import HALF
from .outputs import entries


def widened(returned: Any) -> Any:
    """A network's outputs with every tensor of half precision in float32; others, and what holds none, as they are.

    >>> widened({"logits": torch.ones(2, dtype=torch.bfloat16), "step": 3})
    {'logits': tensor([1., 1.]), 'step': 3}
    """
    if isinstance(returned, Tensor):
        return returned.float() if returned.dtype in HALF else returned
    return pytree.tree_map(_widened, returned) if halves(returned) else returned


def halves(returned: Any) -> list[torch.dtype]:
    """The types of half precision in what a network returned, each once.

    >>> halves((torch.ones(1), torch.ones(1, dtype=torch.float16)))
    [torch.float16]
    """
    members = (t for leaf in pytree.tree_leaves(returned) for t in (leaf, *_parts(leaf).values()))
    return list(dict.fromkeys(t.dtype for t in members if isinstance(t, Tensor) and t.dtype in HALF))


def _widened(leaf: Any) -> Any:
    if isinstance(leaf, Tensor):
        return widened(leaf)
    parts = {name: part for name, part in _parts(leaf).items() if part.dtype in HALF}
    if not parts:
        return leaf
    twin = copy.copy(leaf)
    for name, part in parts.items():
        object.__setattr__(twin, str(name), part.float())  # a dataclass may be frozen
    return twin


def _parts(leaf: Any) -> dict[str | int, Tensor]:
    """The tensors of an object of one's own: a dataclass, a distribution."""
    return {} if isinstance(leaf, (Tensor, nn.Module)) else entries(leaf)
