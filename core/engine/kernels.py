"""Convolution and linear map by the fastest library at hand, BatchNorm's weights folded into a convolution's, and activations.

oneDNN applies a tanh, sigmoid, GELU or SiLU to what a product leaves in the cache, and has a faster one than torch: linear map and
tanh of (1400, 64) → 48 take 63 µs there, 232 one after the other (one thread; both within 1e-7 of the truth).
ReLU and sums stay operations of their own, written in place: oneDNN's and cuDNN's fused ones turn NaN into 0, so that a
network that has diverged would get a loss that looks like one. In cache they cost nothing (benchmarks/NOTES.md).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..machine import capabilities
from .tracing import UnrecordableError

Sizes = list[int]
NONE = "none"
aten = torch.ops.aten
# each the same as torch's for NaN and infinity too; GELU by its name and, where there is one, its approximation
ONEDNN_ACTIVATIONS = {
    aten.tanh.default: "tanh",
    aten.sigmoid.default: "sigmoid",
    aten.silu.default: "swish",
    aten.gelu.default: "gelu",
}
ABILITIES = {torch.float32: "onednn", torch.bfloat16: "onednn bf16"}


@dataclass(frozen=True)
class Kernels:
    """The replacements of a recorded graph's operations, on one kind of device.

    convolution  (x, weight, bias or None, stride, padding, dilation, groups, activation) → activation of x ∗ weight + bias
    linear       (x (m, d), weight, bias or None, activation) → activation of x weightᵀ + bias
    activations  operation → what stands for it as the `activation` of both; "none" for none
    """

    convolution: Callable[..., Tensor]
    linear: Callable[..., Tensor]
    activations: Mapping[Any, str]

    @classmethod
    def of(cls, device: torch.device, dtype: torch.dtype) -> Kernels:
        """The kernels for a device and precision.

        Raises
        ------
        UnrecordableError  there are none that are faster than torch's own; it says why
        """
        if (why := without(device, dtype)) is not None:
            raise UnrecordableError(why)
        if device.type == "cpu":
            return cls(_onednn_convolution, _onednn_linear, ONEDNN_ACTIVATIONS if dtype == torch.float32 else {})
        return cls(_convolution, _linear, {})


def without(device: torch.device, dtype: torch.dtype) -> str | None:
    """Why there are no kernels for a device and precision; None where there are.

    >>> without(torch.device("cpu"), torch.float64)
    'there are no fused kernels of float64'
    """
    if dtype not in ABILITIES or device.type not in ("cpu", "cuda"):
        return f"there are no fused kernels of {str(dtype).removeprefix('torch.')}"
    return capabilities.lacking(ABILITIES[dtype]) if device.type == "cpu" else None


def normaliser(gamma: Tensor | None, variance: Tensor, eps: float) -> Tensor:
    """γ / √(σ² + ε): what BatchNorm in evaluation mode multiplies each channel by, (channels,)."""
    inverse = torch.rsqrt(variance + eps)
    return inverse if gamma is None else gamma * inverse


def folded_weight(weight: Tensor, scale: Tensor, dtype: torch.dtype) -> Tensor:
    """A convolution's weight (channels, …) with each channel times its scale."""
    return (weight * scale[:, None, None, None]).to(dtype)


def folded_bias(bias: Tensor | None, mean: Tensor, scale: Tensor, beta: Tensor | None, dtype: torch.dtype) -> Tensor:
    """(bias − μ) · scale + β, (channels,)."""
    centred = -mean if bias is None else bias - mean
    return (centred * scale if beta is None else torch.addcmul(beta, centred, scale)).to(dtype)


def _onednn_convolution(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Sizes,
    padding: Sizes,
    dilation: Sizes,
    groups: int,
    activation: str = NONE,
) -> Tensor:
    name, _, algorithm = activation.partition(" ")
    return torch.ops.mkldnn._convolution_pointwise(
        x, weight, dense(bias), padding, stride, dilation, groups, name, [], algorithm
    )


def _onednn_linear(x: Tensor, weight: Tensor, bias: Tensor | None, activation: str = NONE) -> Tensor:
    name, _, algorithm = activation.partition(" ")
    return torch.ops.mkldnn._linear_pointwise(x, weight, dense(bias), name, [], algorithm)


def _convolution(*arguments: Any) -> Tensor:
    return torch.conv2d(*arguments[:-1])


def _linear(x: Tensor, weight: Tensor, bias: Tensor | None, activation: str = NONE) -> Tensor:
    return torch.nn.functional.linear(x, weight, bias)


def dense(bias: Tensor | None) -> Tensor | None:
    """A bias without gaps: oneDNN takes no notice of its stride, and would read what lies behind it in memory."""
    return None if bias is None else bias.contiguous()
