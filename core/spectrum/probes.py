"""Random vectors from a seed, drawn on the CPU so that one seed means the same probes on every device."""

from __future__ import annotations

import torch
from torch import Tensor

from ..checks import InputError, known
from ..curvature.operators import Operator

DISTRIBUTIONS = ("rademacher", "gaussian")


def random_rows(operator: Operator, count: int, seed: int = 0, distribution: str = "rademacher") -> Tensor:
    """`count` probes (count, P) with E vvᵀ = I: signs ±1, or standard normal numbers.

    Raises
    ------
    InputError  no probe asked for; an unknown distribution

    >>> from ..curvature.operators import Matrix
    >>> random_rows(Matrix(torch.eye(3)), 2).abs()
    tensor([[1., 1., 1.],
            [1., 1., 1.]])
    """
    known(distribution, DISTRIBUTIONS, "distribution of probes")
    if count < 1:
        raise InputError(f"probes should be 1 or more, but is {count}.")
    generator = torch.Generator().manual_seed(seed)
    rows = torch.empty(count, operator.size, device=operator.device, dtype=operator.dtype)
    for row in rows:  # one by one: the first probes are the same whatever their number
        row.copy_(_draw(operator.size, generator, distribution))
    return rows


def _draw(size: int, generator: torch.Generator, distribution: str) -> Tensor:
    if distribution == "gaussian":
        return torch.randn(size, generator=generator, dtype=torch.float64)
    return torch.randint(0, 2, (size,), generator=generator).mul_(2).sub_(1)
