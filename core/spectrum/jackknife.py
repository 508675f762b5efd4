"""Delete-one jackknife (Quenouille 1956; Tukey 1958): ratios of estimates with their standard error, first-order bias removed."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from .estimate import Estimate


def jackknife(statistic: Callable[[Tensor], float], count: int) -> Estimate:
    """m R − (m − 1) mean_i R₍ᵢ₎ and sqrt((m − 1)/m Σ_i (R₍ᵢ₎ − mean)²), R₍ᵢ₎ the statistic without the i-th draw.

    Parameters
    ----------
    statistic  indices of the draws used (j,) → number
    count      m, the number of independent draws

    >>> draws = torch.tensor([1.0, 2.0, 6.0])
    >>> found = jackknife(lambda kept: float(draws[kept].mean()), 3)  # of a mean it is the mean and its standard error
    >>> round(found.value, 6), round(found.standard_error, 6), round(float(draws.std()) / 3**0.5, 6)
    (3.0, 1.527525, 1.527525)
    """
    everything = torch.arange(count)
    without = torch.tensor([statistic(everything[everything != i]) for i in range(count)], dtype=torch.float64)
    value = count * statistic(everything) - (count - 1) * float(without.mean())
    return Estimate(value, jackknife_error(without))


def jackknife_error(without: Tensor) -> float:
    """The standard error of a statistic from its values with each draw left out (m,)."""
    count = len(without)
    return float((without - without.mean()).square().sum().mul((count - 1) / count).sqrt())
