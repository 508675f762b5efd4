"""Mixtures of experts of transformers in plain products: their grouped kernels take one precision and have no second derivative."""

from __future__ import annotations

from torch import nn

SETTING = "_experts_implementation"


def in_plain_products(copy: nn.Module) -> None:
    """From now on a copy of such a network runs its experts one after another; any other network stays as it is."""
    for module in copy.modules():
        config = getattr(module, "config", None)
        if getattr(config, SETTING, None) is not None:
            setattr(config, SETTING, "eager")
