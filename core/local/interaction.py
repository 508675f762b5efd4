"""Interaction's share of the largest curvature, beside its share by chance."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..spectrum.estimate import Estimate, mean_estimate

NULL_DRAWS = 8


def interaction(matrix: Tensor) -> float:
    """λₘₐₓ(A) / max_i A_ii: 1 where every parameter acts alone; NaN where no diagonal entry is above 0.

    It is never below 1: λₘₐₓ is the largest of vᵀAv, of which the diagonal entries are some.

    >>> interaction(torch.ones(4, 4)), interaction(torch.diag(torch.tensor([1.0, 3.0])))
    (4.0, 1.0)
    """
    largest = float(matrix.diagonal().max())
    return round_up(float(torch.linalg.eigvalsh(matrix)[-1]) / largest) if largest > 0 else math.nan


def round_up(ratio: float) -> float:
    """At least 1, which only rounding can be below; to 12 digits."""
    return max(1.0, float(f"{ratio:.12g}"))


def chance_interaction(matrix: Tensor, seed: int) -> Estimate:
    """The same of matrices with this diagonal and these entries beside it, arranged at random: same diagonal, same norm.

    The mean of 8 arrangements with its standard error.
    """
    generator, size = torch.Generator().manual_seed(seed), len(matrix)
    rows, columns = torch.triu_indices(size, size, 1)
    entries, interactions = matrix[rows, columns], []
    for _ in range(NULL_DRAWS):
        shuffled = torch.diag(matrix.diagonal())
        shuffled[rows, columns] = entries[torch.randperm(len(entries), generator=generator)]
        interactions.append(interaction(torch.triu(shuffled) + torch.triu(shuffled, 1).T))
    return mean_estimate(torch.tensor(interactions, dtype=torch.float64))
