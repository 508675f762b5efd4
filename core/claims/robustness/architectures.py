"""Small networks of other kinds on the claims' sixteen features, many at once, by torch's own vmap."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call, grad_and_value, vmap
from torch.nn.functional import cross_entropy

from ...checks import known
from ...problem.problem import Problem
from ..population import Data


@dataclass(frozen=True)
class Architecture:
    """One kind of network, 16 features to 10 classes.

    gain  of initial weights: N(0, gain² s²/fan_in), biases 0
    """

    name: str
    build: Callable[[], nn.Sequential]
    gain: float = 1.0

    def module(self) -> nn.Sequential:
        """A network without numbers, of its own for each thread: no random number is drawn for it."""
        with torch.device("meta"):
            return self.build().double()

    @property
    def parameters(self) -> int:
        """P.

        >>> {name: each.parameters for name, each in ARCHITECTURES.items()}
        {'tanh': 334, 'relu': 334, 'cnn': 310}
        """
        return sum(each.numel() for each in self.module().parameters())

    def initial(self, scale: float, generator: np.random.Generator) -> np.ndarray:
        """θ₀ (P,)."""
        parts = []
        for each in self.module().parameters():
            spread = self.gain * scale / math.sqrt(each[0].numel()) if each.dim() > 1 else 0.0
            parts.append(spread * generator.normal(size=each.numel()))
        return np.concatenate(parts)

    def problem(self, theta: Tensor, data: Data) -> Problem:
        """One network (P,) on the training examples."""
        return self.problem_of(theta, data.inputs, data.targets)

    def problem_of(self, theta: Tensor, inputs: Tensor, targets: Tensor, **more: Any) -> Problem:
        """One network (P,) on examples of its own; `more` as `Problem` takes it."""
        model = self.module().to_empty(device="cpu")
        nn.utils.vector_to_parameters(theta.clone(), model.parameters())
        return Problem(model, inputs, targets, name=self.name, **more)

    def named(self, theta: Tensor) -> dict[str, Tensor]:
        """One network's weights (P,) by name, in memory of their own."""
        return {name: each.clone() for name, each in named(self.module(), theta).items()}

    def logits(self, theta: Tensor, inputs: Tensor) -> Tensor:
        """(n, m, K) of networks (n, P) on inputs (m, 16)."""
        model = self.module()
        with torch.no_grad():
            found: Tensor = vmap(lambda each: functional_call(model, named(model, each), (inputs,)))(theta)
        return found

    def losses(self, theta: Tensor, data: Data) -> Tensor:
        """Mean cross-entropy over the training examples, (n,)."""
        logits = self.logits(theta, data.inputs)
        return (
            cross_entropy(logits.flatten(0, 1), data.targets.repeat(len(theta)), reduction="none")
            .view(len(theta), -1)
            .mean(1)
        )

    def losses_and_gradients(self, theta: Tensor, inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """(n,) and (n, P): each network's own examples, inputs (n, m, 16), targets (n, m)."""

        model = self.module()

        def loss(each: Tensor, x: Tensor, y: Tensor) -> Tensor:
            return cross_entropy(functional_call(model, named(model, each), (x,)), y)

        gradients, losses = vmap(grad_and_value(loss))(theta, inputs, targets)
        return losses.detach(), gradients.detach()


def named(model: nn.Module, theta: Tensor) -> dict[str, Tensor]:
    """One network's weights (P,) by name."""
    sizes = {name: each.shape for name, each in model.named_parameters()}
    parts = theta.split([shape.numel() for shape in sizes.values()])
    return {name: part.view(shape) for (name, shape), part in zip(sizes.items(), parts, strict=True)}


def perceptron(activation: type[nn.Module], width: int = 12) -> nn.Sequential:
    """One hidden layer."""
    return nn.Sequential(nn.Linear(16, width), activation(), nn.Linear(width, 10))


def image_network(channels: int = 6) -> nn.Sequential:
    """The features as a 4 × 4 image."""
    return nn.Sequential(
        nn.Unflatten(1, (1, 4, 4)),
        nn.Conv2d(1, channels, 3, padding=1),
        nn.ReLU(),
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Linear(4 * channels, 10),
    )


ARCHITECTURES = {
    each.name: each
    for each in (
        Architecture("tanh", partial(perceptron, nn.Tanh)),
        Architecture("relu", partial(perceptron, nn.ReLU), math.sqrt(2)),
        Architecture("cnn", image_network, math.sqrt(2)),
    )
}


def architecture_of(name: str) -> Architecture:
    """The architecture of that name.

    Raises
    ------
    InputError  there is none
    """
    return ARCHITECTURES[known(name, ARCHITECTURES, "architecture")]
