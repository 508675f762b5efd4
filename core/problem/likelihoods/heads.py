"""Real values with Gaussian noise whose variance the network gives too (Nix & Weigend 1994)."""

from __future__ import annotations

import math
from dataclasses import KW_ONLY, dataclass, replace
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from ...checks import InputError, known
from .protocol import Likelihood, Loss, Middle, same_values, stated_reduction
from .squared_error import reduced

HELD = (
    "Some variances lie below eps = {:g} and are held at it, while their slope goes through, as in torch's GaussianNLLLoss: there the "
    "gradient is what training follows and not the slope of the loss that is drawn, and curvature is that gradient's own derivative; "
    "automatic differentiation of it twice gives another matrix."
)
SPREADS = ("variance", "log_variance", "deviation")


@dataclass(frozen=True, eq=False)
class GaussianHeads(Loss):
    """−ln N(y; μ, v) for a network that returns (μ, spread), two tensors of the targets' shape.

    Parameters
    ----------
    spread  what the second tensor is: "variance", "log_variance" or "deviation"
    mean    the loss is the mean over output dimensions, as torch's GaussianNLLLoss has it; False: their sum, the nats of an
            example
    full    with the constant ½ ln 2π
    eps     variances below it are taken as it, as in torch's GaussianNLLLoss

    Where outputs are a tuple, a list or a dict of several tensors, `Problem(…, output=("mean", "log_variance"))` says which.

    >>> heads = GaussianHeads("log_variance")
    >>> z = torch.zeros(1, 2)  # μ = 0 and ln v = 0 beside each other
    >>> round(heads.losses(z, torch.zeros(1, 1)).item(), 4)  # ½ ln 2π
    0.9189
    """

    modules: ClassVar[tuple[type[nn.Module], ...]] = (nn.GaussianNLLLoss,)
    name = "gaussian_heads"
    is_likelihood = True
    sees = "pair"

    spread: str = "variance"
    mean: bool = False
    full: bool = True
    eps: float = 0.0
    _: KW_ONLY
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        known(self.spread, SPREADS, "spread")

    @classmethod
    def from_module(cls, module: Any) -> Likelihood:
        mean = module.reduction != "sum"
        said = "The network's two outputs are taken as mean and variance, as torch's GaussianNLLLoss has them."
        notes = (said, *stated_reduction(module.reduction, reduced(not mean)))
        return cls("variance", mean, module.full, module.eps, notes=notes)

    @property
    def states_loss(self) -> bool:
        return self.full and not self.mean

    def settled(self, outputs: Any, targets: Tensor, every_target: Tensor) -> GaussianHeads:
        for part in self._pair(outputs):
            same_values(part, targets)
        if self.spread != "log_variance" and bool((outputs[1] < 0).any()):
            raise InputError(
                f"The network's second output should be the {self.spread}, which is not negative, but some of it is: say "
                "loss=GaussianHeads('log_variance') where it is the logarithm."
            )
        held = self.spread != "log_variance" and bool(
            (self._variance(self.flatten(outputs, targets)[0])[1] <= self.eps).any()
        )
        return replace(self, notes=(*self.notes, HELD.format(self.eps))) if held and self.eps else self

    def flatten(self, outputs: Any, targets: Tensor) -> tuple[Any, Tensor]:
        n = targets.shape[0]
        rows = torch.cat([part.reshape(n, -1) for part in self._pair(outputs)], 1)
        return rows, targets.reshape(n, -1).to(rows.dtype)

    def losses(self, outputs: Any, targets: Tensor) -> Tensor:
        each = self._each(outputs, targets)
        each = each + 0.5 * math.log(2 * math.pi) if self.full else each
        return each.mean(1) if self.mean else each.sum(1)

    def negative_log_likelihoods(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return (self._each(outputs, targets) + 0.5 * math.log(2 * math.pi)).sum(1)

    def entropies(self, outputs: Tensor) -> Tensor:
        return (0.5 * (math.log(2 * math.pi * math.e) + self._variance(outputs)[1].log())).sum(1)

    def sample(self, outputs: Any, targets: Tensor, generator: torch.Generator) -> Tensor:
        rows, _ = self.flatten(outputs, targets)
        mean, variance = self._variance(rows)
        noise = torch.randn(mean.shape, generator=generator, dtype=torch.float64).to(mean)
        return (mean + variance.sqrt() * noise).reshape(targets.shape).to(targets)

    def output_fisher(self, outputs: Tensor) -> Middle:
        """1/v for the mean; for s = ln v, ½; else by (dv/ds)² / 2v²."""
        diagonal = self._fisher_diagonal(outputs)
        return lambda u: u * diagonal

    def output_fisher_root(self, outputs: Tensor) -> Middle | None:
        root = self._fisher_diagonal(outputs).sqrt()
        return lambda u: u * root

    def details(self) -> dict[str, Any]:
        return {"spread": self.spread, "mean": self.mean, "full": self.full, "eps": self.eps}

    def _fisher_diagonal(self, outputs: Tensor) -> Tensor:
        variance = self._variance(outputs.detach())[1]
        slope = {"log_variance": variance, "variance": torch.ones_like(variance), "deviation": 2 * variance.sqrt()}
        return torch.cat([1 / variance, slope[self.spread].square() / (2 * variance.square())], 1)

    def _pair(self, outputs: Any) -> tuple[Tensor, Tensor]:
        """Mean and spread of one shape: a spread for all dimensions of an example is each one's, as in torch's own."""
        mean, spread = outputs
        if spread.shape == mean.shape[:-1] and mean.ndim > 1:
            spread = spread.unsqueeze(-1)
        shared = spread.ndim == mean.ndim and spread.shape[:-1] == mean.shape[:-1] and spread.shape[-1] == 1
        return mean, spread.expand_as(mean) if shared else spread

    def _variance(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        mean, spread = rows.chunk(2, 1)
        if self.spread == "log_variance":
            return mean, spread.exp()
        variance = spread.square() if self.spread == "deviation" else spread
        # the value is held at eps, the slope goes through, as in torch's own
        return mean, variance + (variance.clamp_min(self.eps) - variance).detach()

    def _each(self, rows: Tensor, targets: Tensor) -> Tensor:
        mean, variance = self._variance(rows)
        return 0.5 * (variance.log() + (targets - mean).square() / variance)
