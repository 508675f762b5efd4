"""Fused operations written out, where torch's own second derivative of them is absent or wrong."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode


class WrittenOut(TorchFunctionMode):
    """Inside, weight normalisation and the hard sigmoid are taken from elementary operations.

    torch's fused weight normalisation takes ‖v‖ as constant in second derivatives; its hard sigmoid has none.

    >>> x = torch.tensor([-4.0, 0.5, 4.0])
    >>> with WrittenOut():
    ...     torch.allclose(F.hardsigmoid(x), torch.tensor([0.0, 3.5 / 6, 1.0]))
    True
    """

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        written = WRITTEN.get(func)
        return func(*args, **(kwargs or {})) if written is None else written(*args, **(kwargs or {}))


def normalises_weights(module: nn.Module) -> bool:
    """Whether a module is, or carries, torch's weight normalisation: the parametrisation, or the older hook."""
    hooks = module._forward_pre_hooks.values()
    return type(module).__name__ == "_WeightNorm" or any(type(hook).__name__ == "WeightNorm" for hook in hooks)


def _weight_norm(v: Tensor, g: Tensor, dim: int = 0) -> Tensor:
    return v * (g / torch.norm_except_dim(v, 2, dim))


def _hard_sigmoid(input: Tensor, inplace: bool = False) -> Tensor:
    found = F.relu6(input + 3) / 6
    return input.copy_(found) if inplace else found


WRITTEN: dict[Any, Any] = {
    torch._weight_norm: _weight_norm,
    F.hardsigmoid: _hard_sigmoid,
    torch._C._nn.hardsigmoid: _hard_sigmoid,
}
