"""Real values with Gaussian noise of a stated variance."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ...checks import InputError
from .protocol import Loss, Middle


@dataclass(frozen=True)
class Gaussian(Loss):
    """−ln N(y; f, σ²I) in nats: Σ_d ½((y_d − f_d)/σ)² + ½ ln 2πσ², the variance stated by the user.

    >>> import torch
    >>> round(Gaussian(1.0).losses(torch.zeros(1, 1), torch.zeros(1, 1)).item(), 4)
    0.9189
    """

    sigma: float = 1.0
    name: str = "gaussian"
    is_likelihood: bool = True

    def __init__(self, sigma: float = 1.0) -> None:
        if not (isinstance(sigma, (int, float)) and math.isfinite(sigma) and sigma > 0):
            raise InputError(f"Gaussian(sigma) expects a positive number, but got {sigma}: give the noise's deviation.")
        object.__setattr__(self, "sigma", float(sigma))

    def losses(self, outputs: Tensor, targets: Tensor) -> Tensor:
        scaled = (outputs - targets) / self.sigma
        return (0.5 * scaled.square() + 0.5 * math.log(2 * math.pi * self.sigma**2)).sum(1)

    def divergences(self, outputs: Tensor, law: Tensor) -> Tensor:
        """Between two Gaussians of the same variance only the means differ: Σ_d ½((μ_d − f_d)/σ)²."""
        return (0.5 * ((outputs - law) / self.sigma).square()).sum(1)

    def law_entropy(self, law: Tensor) -> float:
        return self._entropy * (law.numel() // len(law))

    def entropies(self, outputs: Tensor) -> Tensor:
        return torch.full((len(outputs),), self._entropy * outputs[0].numel(), dtype=outputs.dtype)

    def sample(self, outputs: Any, targets: Tensor, generator: torch.Generator) -> Tensor:
        noise = torch.randn(outputs.shape, generator=generator, dtype=torch.float64)
        drawn: Tensor = (outputs + self.sigma * noise.to(outputs)).reshape(targets.shape)
        return drawn

    def output_hessian(self, outputs: Tensor, targets: Tensor) -> Middle | None:
        return lambda u: u / self.sigma**2

    def output_fisher(self, outputs: Tensor) -> Middle:
        return lambda u: u / self.sigma**2

    def output_fisher_root(self, outputs: Tensor) -> Middle | None:
        return lambda u: u / self.sigma

    @property
    def _entropy(self) -> float:
        """Of one dimension, ½ ln 2πeσ²."""
        return 0.5 * math.log(2 * math.pi * math.e * self.sigma**2)
