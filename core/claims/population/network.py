"""One-hidden-layer tanh networks side by side: losses, gradients and outputs of many at once, by batched products.

A population is one tensor θ (n, P) in float64, each row in the order of nn.Sequential(Linear, Tanh, Linear).parameters().
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Shape:
    """Inputs, hidden units and classes."""

    inputs: int = 16
    hidden: int = 12
    outputs: int = 10

    @property
    def parameters(self) -> int:
        """P.

        >>> Shape(16, 12, 10).parameters
        334
        """
        return (self.inputs + 1) * self.hidden + (self.hidden + 1) * self.outputs

    def parts(self, theta: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """W₁ (n, h, d), b₁ (n, h), W₂ (n, K, h), b₂ (n, K): views of θ."""
        d, h, k = self.inputs, self.hidden, self.outputs
        first, bias, second, last = theta.split([d * h, h, h * k, k], 1)
        return first.reshape(-1, h, d), bias, second.reshape(-1, k, h), last

    def module(self, theta: Tensor) -> nn.Sequential:
        """One network (P,) as a module."""
        model = nn.Sequential(
            nn.Linear(self.inputs, self.hidden), nn.Tanh(), nn.Linear(self.hidden, self.outputs)
        ).double()
        nn.utils.vector_to_parameters(theta.clone(), model.parameters())
        return model


SHAPE = Shape()


def outputs(shape: Shape, theta: Tensor, inputs: Tensor) -> tuple[Tensor, Tensor]:
    """Logits (n, m, K) and hidden values (n, m, h) of inputs (n, m, d), or (m, d) that all networks see."""
    first, bias, second, last = shape.parts(theta)
    rows = inputs.expand(len(theta), -1, -1)
    hidden = torch.baddbmm(bias[:, None], rows, first.transpose(1, 2)).tanh_()
    return torch.baddbmm(last[:, None], hidden, second.transpose(1, 2)), hidden


def losses(shape: Shape, theta: Tensor, inputs: Tensor, targets: Tensor) -> Tensor:
    """Mean cross-entropy of each network (n,), nats; targets (n, m) or (m,)."""
    logits, _ = outputs(shape, theta, inputs)
    own = logits.gather(2, targets.expand(len(theta), -1)[..., None])[..., 0]
    return (logits.logsumexp(2) - own).mean(1)


def losses_and_gradients(shape: Shape, theta: Tensor, inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Mean cross-entropy (n,) and its gradient (n, P), backward by hand."""
    logits, hidden = outputs(shape, theta, inputs)
    labels = targets.expand(len(theta), -1)[..., None]
    logs = logits.log_softmax(2)
    residual = logs.exp()
    residual.scatter_add_(2, labels, torch.full_like(residual[..., :1], -1.0))
    residual /= residual.shape[1]
    _, _, second, _ = shape.parts(theta)
    back = residual.bmm(second) * (1 - hidden.square())
    parts = (
        back.transpose(1, 2).bmm(inputs.expand(len(theta), -1, -1)).flatten(1),
        back.sum(1),
        residual.transpose(1, 2).bmm(hidden).flatten(1),
        residual.sum(1),
    )
    return -logs.gather(2, labels)[..., 0].mean(1), torch.cat(parts, 1)
