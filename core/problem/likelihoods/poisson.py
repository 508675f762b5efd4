"""Counts: −ln p of a Poisson distribution whose rate the network gives."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ...checks import InputError
from .protocol import Likelihood, Loss, Middle, same_values, stated_reduction
from .squared_error import reduced

TERMS = 64  # beyond the mean, in standard deviations' worth, where an entropy's sum ends


@dataclass(frozen=True, eq=False)
class Poisson(Loss):
    """λ − y ln λ + ln y!, over output dimensions, λ = exp(z).

    Parameters
    ----------
    log_input  the outputs are ln λ; False: λ itself
    full       with ln y!; "stirling": with torch's approximation of it
    mean       the loss is the mean over output dimensions, as torch's PoissonNLLLoss has it; False: their sum
    eps        added to λ in its logarithm where log_input is False

    >>> Poisson().losses(torch.zeros(1, 1), torch.tensor([[3.0]])).item()  # 1 + ln 6
    2.791759490966797
    """

    modules: ClassVar[tuple[type[nn.Module], ...]] = (nn.PoissonNLLLoss,)
    by_name: ClassVar[bool] = True
    name = "poisson"
    is_likelihood = True

    log_input: bool = True
    full: bool | str = True
    mean: bool = False
    eps: float = 1e-8
    _: KW_ONLY
    notes: tuple[str, ...] = ()

    @classmethod
    def from_module(cls, module: Any) -> Likelihood:
        mean = module.reduction != "sum"
        notes = stated_reduction(module.reduction, reduced(not mean))
        return cls(module.log_input, "stirling" if module.full else False, mean, module.eps, notes=notes)

    @property
    def states_loss(self) -> bool:
        return self.full is True and not self.mean

    def accepted(self, targets: Tensor) -> Tensor:
        targets = targets if targets.is_floating_point() else targets.to(torch.get_default_dtype())
        if bool((targets < 0).any()):
            raise InputError(f"Counts should not be negative, but the smallest target is {float(targets.min()):g}.")
        return targets

    def settled(self, outputs: Any, targets: Tensor, every_target: Tensor) -> Poisson:
        same_values(outputs, targets)
        if not self.log_input and bool((outputs < 0).any()):
            raise InputError(
                "The outputs should be rates, which are not negative, but some are: use Poisson() where they are logarithms."
            )
        return self

    def losses(self, outputs: Any, targets: Tensor) -> Tensor:
        full = self.full == "stirling"
        each = F.poisson_nll_loss(outputs, targets, self.log_input, full, eps=self.eps, reduction="none")
        each = each + torch.lgamma(targets + 1) if self.full is True else each
        return each.mean(1) if self.mean else each.sum(1)

    def negative_log_likelihoods(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return Poisson(self.log_input, True, False, self.eps).losses(outputs, targets)

    def divergences(self, outputs: Tensor, law: Tensor) -> Tensor:
        """λ* ln(λ*/λ) − λ* + λ; the law is the mean of the counts, λ*."""
        rate = self._rates(outputs)
        return (torch.special.xlogy(law, law) - torch.special.xlogy(law, rate) - law + rate).sum(1)

    def law_entropy(self, law: Tensor) -> float:
        return float(_entropies(law.double()).sum(1).mean())

    def entropies(self, outputs: Tensor) -> Tensor:
        return _entropies(self._rates(outputs).double()).sum(1).to(outputs)

    def sample(self, outputs: Any, targets: Tensor, generator: torch.Generator) -> Tensor:
        rates = self._rates(outputs).double().cpu()
        return torch.poisson(rates, generator=generator).to(targets).reshape(targets.shape)

    def output_hessian(self, outputs: Tensor, targets: Tensor) -> Middle | None:
        if not self.log_input:
            return None
        bend = outputs.detach().exp() / (outputs[0].numel() if self.mean else 1)
        return lambda u: u * bend

    def output_fisher(self, outputs: Tensor) -> Middle:
        rate = self._rates(outputs.detach())
        return lambda u: u * (rate if self.log_input else 1 / rate)

    def output_fisher_root(self, outputs: Tensor) -> Middle | None:
        root = self._rates(outputs.detach()).sqrt()
        return lambda u: u * (root if self.log_input else 1 / root)

    def details(self) -> dict[str, Any]:
        return {"log_input": self.log_input, "full": self.full, "mean": self.mean, "eps": self.eps}

    def _rates(self, outputs: Tensor) -> Tensor:
        return outputs.exp() if self.log_input else outputs + self.eps


def _entropies(rates: Tensor) -> Tensor:
    """Of Poisson distributions, in nats: the sum −Σ p ln p over counts up to where nothing is left."""
    most = int(rates.max() + 12 * rates.max().sqrt() + TERMS)
    counts = torch.arange(most + 1, dtype=torch.float64, device=rates.device)
    logs = torch.special.xlogy(counts, rates[..., None]) - rates[..., None] - torch.lgamma(counts + 1)
    return -(logs.exp() * logs).sum(-1)
