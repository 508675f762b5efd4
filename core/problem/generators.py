"""Random generators that a network holds for itself, replaced in its copies by the process's own, which are seeded at every point."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch
from torch import nn


def share_generators(model: nn.Module) -> None:
    """Let a copy of a network draw from the process's generators wherever it holds one of its own in an attribute.

    A generator of its own goes on from pass to pass, so that no two points would see the same numbers.

    >>> model = nn.Linear(1, 1)
    >>> model.noise = torch.Generator().manual_seed(5)
    >>> share_generators(model)
    >>> model.noise is torch.default_generator
    True
    """
    for module in model.modules():
        if isinstance(module, torch.jit.ScriptModule):
            continue
        for name, value in vars(module).items():
            shared = _shared(value)
            if shared is not None:
                vars(module)[name] = shared


def _shared(value: Any) -> Any:
    if isinstance(value, torch.Generator):
        if value.device.type == "cuda":
            return torch.cuda.default_generators[value.device.index or 0]
        return torch.default_generator
    if isinstance(value, np.random.Generator):
        return np.random.Generator(np.random.get_bit_generator())  # type: ignore[attr-defined]
    if isinstance(value, np.random.RandomState):
        return np.random.mtrand._rand
    return random._inst if isinstance(value, random.Random) else None
