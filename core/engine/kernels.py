"""Convolution or linear map, sum and ReLU in one pass over memory: oneDNN's on a CPU, cuDNN's and cuBLAS's on a GPU."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

Sizes = list[int]


@dataclass(frozen=True)
class Kernels:
    """What an operation of a recorded graph may be replaced by, on one kind of device.

    device  "cpu" | "cuda"
    """

    device: str

    @classmethod
    def of(cls, device: torch.device, dtype: torch.dtype) -> Kernels | None:
        """The kernels for a device and precision, or None where there are none that are faster than torch's own."""
        if dtype not in (torch.float32, torch.bfloat16):
            return None
        if device.type == "cpu":
            return cls("cpu") if torch.backends.mkldnn.is_available() and _has_mkldnn() else None
        return cls("cuda") if device.type == "cuda" and torch.backends.cudnn.is_available() else None

    def convolution(
        self,
        x: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        stride: Sizes,
        padding: Sizes,
        dilation: Sizes,
        groups: int,
    ) -> Tensor:
        """x ∗ weight + bias."""
        if self.device == "cpu":
            return torch.ops.mkldnn._convolution_pointwise(
                x, weight, bias, padding, stride, dilation, groups, "none", [], ""
            )
        return torch.conv2d(x, weight, bias, stride, padding, dilation, groups)

    def convolution_relu(
        self,
        x: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        stride: Sizes,
        padding: Sizes,
        dilation: Sizes,
        groups: int,
    ) -> Tensor:
        """relu(x ∗ weight + bias)."""
        if self.device == "cpu":
            return torch.ops.mkldnn._convolution_pointwise(
                x, weight, bias, padding, stride, dilation, groups, "relu", [], ""
            )
        return torch.cudnn_convolution_relu(x, weight, bias, stride, padding, dilation, groups)

    def convolution_add_relu(
        self,
        x: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        stride: Sizes,
        padding: Sizes,
        dilation: Sizes,
        groups: int,
        other: Tensor,
    ) -> Tensor:
        """relu(x ∗ weight + bias + other)."""
        if self.device == "cpu":
            return torch.ops.mkldnn._convolution_pointwise.binary(
                x, other, weight, bias, padding, stride, dilation, groups, "add", 1.0, "relu", [], ""
            )
        return torch.cudnn_convolution_add_relu(x, weight, other, 1.0, bias, stride, padding, dilation, groups)

    def linear(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """x weightᵀ + bias, x of shape (m, d)."""
        if self.device == "cpu":
            return torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")
        return torch.nn.functional.linear(x, weight, bias)

    def linear_relu(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """relu(x weightᵀ + bias)."""
        if self.device == "cpu":
            return torch.ops.mkldnn._linear_pointwise(x, weight, bias, "relu", [], "")
        if bias is None:
            return torch.nn.functional.linear(x, weight).relu_()
        return torch._addmm_activation(bias, x, weight.t())


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


def _has_mkldnn() -> bool:
    return hasattr(torch.ops.mkldnn, "_convolution_pointwise") and hasattr(torch.ops.mkldnn, "_linear_pointwise")
