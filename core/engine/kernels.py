"""Convolution and linear map by the fastest library at hand, and BatchNorm's weights folded into a convolution's.

ReLU and sums stay operations of their own, written in place: oneDNN's and cuDNN's fused ones turn NaN into 0, so that a
network that has diverged would get a loss that looks like one. In cache they cost nothing (benchmarks/NOTES.md).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ..machine import capabilities
from .tracing import UnrecordableError

Sizes = list[int]
ABILITIES = {torch.float32: "onednn", torch.bfloat16: "onednn bf16"}


@dataclass(frozen=True)
class Kernels:
    """The replacements of a recorded graph's operations, on one kind of device.

    convolution  (x, weight, bias or None, stride, padding, dilation, groups) → x ∗ weight + bias
    linear       (x (m, d), weight, bias or None) → x weightᵀ + bias
    """

    convolution: Callable[..., Tensor]
    linear: Callable[..., Tensor]

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
            return cls(_onednn_convolution, _onednn_linear)
        return cls(torch.conv2d, torch.nn.functional.linear)


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
    x: Tensor, weight: Tensor, bias: Tensor | None, stride: Sizes, padding: Sizes, dilation: Sizes, groups: int
) -> Tensor:
    return torch.ops.mkldnn._convolution_pointwise(
        x, weight, _dense(bias), padding, stride, dilation, groups, "none", [], ""
    )


def _onednn_linear(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    return torch.ops.mkldnn._linear_pointwise(x, weight, _dense(bias), "none", [], "")


def _dense(bias: Tensor | None) -> Tensor | None:
    """A bias without gaps: oneDNN takes no notice of its stride, and would read what lies behind it in memory."""
    return None if bias is None else bias.contiguous()
