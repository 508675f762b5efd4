"""Whether places lie in one basin: by the barrier on the straight line between each pair of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import torch
from torch import Tensor

from ..problem.problem import Problem
from .barrier import Barrier, barrier
from .line import POINTS, losses_between

LEVEL = 0.1  # the highest barrier inside one basin, in the loss's unit, as `memory_basin` has it


@dataclass(frozen=True)
class Pair:
    """Two places and what lies between them.

    same  True: the barrier with its error is at most the level; False: without it, above; None: the error leaves it open
    """

    first: str
    second: str
    barrier: Barrier
    same: bool | None


def basins(
    problem: Problem,
    places: Mapping[str, Mapping[str, Tensor]],
    level: float = LEVEL,
    points: int = POINTS,
    device: str | torch.device = "auto",
    dtype: torch.dtype | str | None = None,
) -> list[Pair]:
    """The barrier between every two places, and whether they lie in one basin.

    A straight line that rises does not show that no curved path is lower (Garipov et al. 2018): `same` is of straight lines.

    Parameters
    ----------
    places  name → θ, dict name → tensor
    level   the highest barrier inside one basin, in the loss's unit

    >>> from torch import nn
    >>> well = Problem(nn.Linear(1, 1, bias=False).double(), torch.ones(1, 1).double(), torch.zeros(1, 1), loss="mse")
    >>> ends = {name: {"weight": torch.tensor([[w]]).double()} for name, w in (("left", -1.0), ("right", 1.0))}
    >>> [(pair.barrier.height, pair.same) for pair in basins(well, ends, device="cpu")]
    [(0.0, True)]
    """
    pairs = []
    for one, other in combinations(places, 2):
        if _same_place(places[one], places[other]):
            pairs.append(Pair(one, other, Barrier(0.0, 0.0, 0.0, 1), True))
            continue
        between = losses_between(problem, dict(places[one]), dict(places[other]), points, device=device, dtype=dtype)
        pairs.append(Pair(one, other, (rise := barrier(*between)), judged(rise, level)))
    return pairs


def judged(rise: Barrier, level: float) -> bool | None:
    """Whether a barrier is inside one basin; None where its error leaves that open."""
    if rise.height == float("inf"):
        return False
    if rise.height + rise.error <= level:
        return True
    return False if rise.height - rise.error > level else None


def _same_place(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> bool:
    return all(torch.equal(one[name], other[name]) for name in one)
