"""Whether a network remembers the order in which it saw its examples: those seen last have the least loss (Kuditipudi et al. 2025)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..checks import InputError, first_line, matching
from ..problem.problem import Problem
from .readouts import example_losses

FEWEST = 8  # examples: below, no order of them is rare enough to be told


@dataclass(frozen=True)
class MemorisedOrder:
    """The rank correlation of each example's loss with the step at which it was last seen, and how rare it is by chance.

    correlation  Spearman's ρ, −1 to 1, no unit: below 0 where examples seen later have the smaller loss
    p_value      share of `draws` orders at random with a ρ that is as low, itself counted: (1 + b) / (1 + draws)
    examples     how many had a loss
    draws        how many orders that was: those asked for, or all others where there are no more
    referred     whether the losses at another point of the path were subtracted first
    """

    correlation: float
    p_value: float
    examples: int
    draws: int
    referred: bool


def memorised_order(
    problem: Problem,
    last_seen: Sequence[float] | np.ndarray | Tensor,
    at: Mapping[str, Tensor] | None = None,
    *,
    reference: Mapping[str, Tensor] | None = None,
    draws: int = 9999,
    seed: int = 0,
    device: str | torch.device = "auto",
) -> MemorisedOrder:
    """Memorised order of training: does the loss of the final network tell when each example was last seen?

    Parameters
    ----------
    last_seen  (n,) the optimiser's step at which each example of the problem was last in a batch, in the problem's order;
               examples of one batch have the same
    at         a point of parameter space, name → tensor; None: θ₀
    reference  a point that does not know the order, such as the network before training: the losses there are subtracted,
               which takes away what makes an example hard for any network
    draws, seed  of the permutations

    The p-value is exact where the order was drawn at random, whatever the network and the data are: any two examples then
    could have changed places (Kuditipudi et al. 2025, §3). It says nothing of an order that was chosen, as in a curriculum.

    Raises
    ------
    InputError  another number of steps than examples, fewer than 8 with a loss, one step for all, a loss of whole batches,
                a point of another network

    >>> inputs = torch.eye(12)
    >>> net = torch.nn.Linear(12, 1, bias=False)
    >>> _ = net.weight.data.copy_(torch.arange(12.0) / 12)  # the later an example, the nearer its output to 1
    >>> known = memorised_order(Problem(net, inputs, torch.ones(12, 1), loss="mse"), range(12), device="cpu", draws=999)
    >>> known.correlation, known.p_value
    (-1.0, 0.001)
    """
    steps = steps_of(last_seen)
    _check(problem, steps, draws, seed)
    for point, what in ((at, "The point"), (reference, "The reference")):
        if point is not None:
            matching(point, problem.parameters, what)
    losses = example_losses(problem, at, device)
    if reference is not None:
        losses = losses - example_losses(problem, reference, device)
    there = np.isfinite(losses)
    if there.sum() < FEWEST or len(np.unique(steps[there])) < 2:
        raise InputError(
            f"{there.sum()} examples with a finite loss came, last seen at {len(np.unique(steps[there]))} different steps: "
            f"an order needs {FEWEST} of them at two steps or more."
        )
    draws = min(draws, math.factorial(min(there.sum(), 20)) - 1)  # 20! is beyond what anyone draws
    correlation, p_value = _tested(losses[there], steps[there], draws, seed)
    return MemorisedOrder(correlation, p_value, int(there.sum()), draws, reference is not None)


def steps_of(given: object) -> np.ndarray:
    """Steps as a row of numbers.

    >>> steps_of([3, 1, 2])
    array([3., 1., 2.])

    Raises
    ------
    InputError  no numbers, complex ones, or a table of them
    """
    try:
        array = np.asarray(given.detach().cpu().double() if isinstance(given, Tensor) else given)
        row = array.astype(float).squeeze() if array.dtype.kind not in "cmM" else None
    except (ValueError, TypeError, RuntimeError) as error:
        raise InputError(f"The steps should be a row of numbers, but are not: {first_line(error)}.") from error
    if row is None or row.ndim > 1:
        what = f"of shape {array.shape}" if row is not None else f"of type {array.dtype}"
        raise InputError(f"The steps should be a row of real numbers, one for each example, but are {what}.")
    return row.reshape(-1)


def _check(problem: Problem, steps: np.ndarray, draws: int, seed: int) -> None:
    if len(steps) != problem.example_count or not np.isfinite(steps).all():
        raise InputError(
            f"One finite step for each of the {problem.example_count:,} examples was expected, but {len(steps):,} numbers "
            f"came, {np.isfinite(steps).sum():,} of them finite: give the step at which each was last seen, in the data's order."
        )
    if type(draws) is not int or draws < 19:
        raise InputError(f"draws should be a whole number, 19 or more, so that p can be 0.05, but is {draws!r}.")
    if type(seed) is not int or seed < 0:
        raise InputError(f"seed should be a whole number, 0 or more, but is {seed!r}.")


def _tested(losses: np.ndarray, steps: np.ndarray, draws: int, seed: int) -> tuple[float, float]:
    """ρ, and its p-value for an order that is remembered; 0 and 1 where all losses are the same."""
    from scipy import stats  # about 0.15 s, which no other work needs

    ranks = stats.rankdata(losses), stats.rankdata(steps)
    if np.ptp(ranks[0]) == 0:
        return 0.0, 1.0
    centred = ranks[1] - ranks[1].mean()
    scale = float(np.sqrt((centred**2).sum() * ((ranks[0] - ranks[0].mean()) ** 2).sum()))

    def spearman(order: np.ndarray, axis: int = -1) -> np.ndarray:
        return ((order - order.mean(axis, keepdims=True)) * centred).sum(axis) / scale

    every = draws + 1 == math.factorial(
        min(len(losses), 20)
    )  # then each order once, which scipy asks for by their number
    test = stats.permutation_test(
        (ranks[0],), spearman, permutation_type="pairings", vectorized=True, n_resamples=draws + every,
        alternative="less", rng=np.random.default_rng(seed), batch=max(1, min(256, 2**24 // len(losses))),
    )  # fmt: skip
    return float(test.statistic), float(test.pvalue)
