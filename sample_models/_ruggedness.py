"""How rugged a loss surface looks on random slices: local minima and non-convex points, counted."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from lossnav.core import Plane, Problem, survey
from torch import Tensor

POINTS = 17


@dataclass(frozen=True)
class Ruggedness:
    """The counts on one slice.

    Attributes
    ----------
    minima  inner grid points whose loss is below that of all eight neighbours.
    nonconvex  share (0..1) of inner grid points where the slice's 2 × 2 Hessian, by finite differences, has a
        negative eigenvalue.
    """

    minima: int
    nonconvex: float


def random_slices(problem: Problem, seeds: Sequence[int]) -> list[Ruggedness]:
    """The loss on a 17 × 17 grid over [−1, 1]² of the filter-normalised random plane of each seed (Li et al. 2018)."""
    return [ruggedness(_surface(problem, seed)) for seed in seeds]


def ruggedness(surface: Tensor) -> Ruggedness:
    """Local minima and non-convex share of a loss surface on a regular grid, its edges left out.

    A bowl has one minimum and is convex everywhere:

    >>> x = torch.linspace(-1, 1, 17, dtype=torch.float64)
    >>> ruggedness(x[:, None] ** 2 + x**2)
    Ruggedness(minima=1, nonconvex=0.0)
    """
    n, m = surface.shape
    around = {(i, j): surface[1 + i : n - 1 + i, 1 + j : m - 1 + j] for i in (-1, 0, 1) for j in (-1, 0, 1)}
    centre = around.pop((0, 0))
    minima = (centre < torch.stack(list(around.values())).amin(0)).sum()
    aa = around[1, 0] - 2 * centre + around[-1, 0]
    bb = around[0, 1] - 2 * centre + around[0, -1]
    ab = (around[1, 1] - around[1, -1] - around[-1, 1] + around[-1, -1]) / 4
    smallest = (aa + bb) / 2 - ((aa - bb).square() / 4 + ab.square()).sqrt()
    return Ruggedness(int(minima), (smallest < 0).double().mean().item())


def _surface(problem: Problem, seed: int) -> Tensor:
    plane = Plane.random(problem, seed=seed)
    land = survey(problem, plane, shape=(POINTS, POINTS), span=((-1, 1), (-1, 1)), device="cpu")
    return torch.as_tensor(land["loss"].transpose("alpha", "beta").values, dtype=torch.float64)
