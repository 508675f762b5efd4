"""A plain multilayer perceptron."""

from collections.abc import Callable
from itertools import pairwise

from torch import nn


def mlp(*widths: int, activation: Callable[[], nn.Module] = nn.ReLU) -> nn.Sequential:
    """Linear layers of the given widths, inputs first and outputs last, with ``activation`` between them.

    >>> sum(p.numel() for p in mlp(2, 16, 3).parameters())
    99
    """
    layers: list[nn.Module] = []
    for fan_in, fan_out in pairwise(widths):
        layers += [nn.Linear(fan_in, fan_out), activation()]
    return nn.Sequential(*layers[:-1])
