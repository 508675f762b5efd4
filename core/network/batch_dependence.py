"""Whether the loss of an example depends on the others of its batch, and what then follows for how the data are cut.

Contrastive losses, negatives from the batch, statistics of the batch written by hand: where examples belong together, batches
are part of what the loss is, and not the engine's to choose.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor

from ..machine.random_state import drawing_from
from ..problem.kept_trials import keeps
from ..problem.problem import Problem
from .few_examples import FewExamples, first_predicted
from .purity import SEED
from .workspace import Batch

TOGETHER = 4  # examples in one batch, against the same in two
TRIES = 3  # batches drawn
WHY_NONE_ALONE = (
    "The examples of a batch belong together here: the loss of one depends on the others, so none has a loss or a gradient of "
    "its own."
)


for name in ("draws_numbers", "examples_coupled"):
    keeps(name, bool, bool)


def draws_numbers(problem: Problem) -> bool:
    """Whether the forward pass or the loss draws random numbers. Tested once for a problem and all its parts."""
    draws: bool | None = problem.trials.get("draws_numbers")
    if draws is None:
        rows = None if problem.batches == "whole" else torch.arange(min(TOGETHER, problem.example_count))
        draws = problem.trials["draws_numbers"] = _safely(lambda: FewExamples(problem, rows).draws())
    return draws


def drawing(problem: Problem, batch: Batch, device: torch.device) -> AbstractContextManager[None]:
    """Inside, a network that draws gets the numbers of this batch, the same at every point and in every stage."""
    return drawing_from(SEED + batch.number, device) if draws_numbers(problem) else nullcontext()


def examples_coupled(problem: Problem) -> bool:
    """Whether examples change each other's losses. Tested once for a problem and all its parts.

    The losses of four examples in one batch are held against those of the same four in two, three times, at θ₀ and beside it.
    Where the network draws random numbers, which depend on the batch's size, two of the four are exchanged instead.

    >>> from torch import nn
    >>> inputs, targets = torch.arange(12.0).reshape(6, 2), torch.zeros(6, 2)
    >>> apart, tied = lambda z, y: (z - y).square().sum(1), lambda z, y: (z - z.mean(0)).square().sum(1)
    >>> [examples_coupled(Problem(nn.Linear(2, 2), inputs, targets, loss=loss)) for loss in (apart, tied)]
    [False, True]
    """
    coupled: bool | None = problem.trials.get("examples_coupled")
    if problem.likelihood.is_of_batches:
        return problem.example_count > 1
    if coupled is None:
        test = _exchanged if draws_numbers(problem) else _cut_apart
        coupled = _safely(lambda: any(test(problem, rows, seed) for seed, rows in enumerate(_rows(problem))))
        problem.trials["examples_coupled"] = coupled
    return coupled


def _safely(test: object) -> bool:
    """False where a network cannot be tried on so few examples: what it then says comes when it is measured."""
    try:
        return bool(test())  # type: ignore[operator]
    except Exception:
        return False


def _rows(problem: Problem) -> list[Tensor]:
    """The first examples, and others drawn from seeds."""
    count, size = problem.example_count, min(2 * TOGETHER, problem.example_count)
    if count < 2:
        return []
    drawn = [torch.randperm(count, generator=torch.Generator().manual_seed(s))[:size] for s in range(1, TRIES)]
    return [first_predicted(problem, size), *drawn]


def _cut_apart(problem: Problem, rows: Tensor, seed: int) -> bool:
    trial, size = FewExamples(problem, rows[:TOGETHER]), len(rows[:TOGETHER])
    trial.move(seed)
    return not trial.agree(trial.losses(), trial.losses(-(-size // 2)))


def _exchanged(problem: Problem, rows: Tensor, seed: int) -> bool:
    if len(rows) < 3 or not problem.likelihood.is_per_example:
        return False
    half = min(TOGETHER // 2, len(rows) // 2)
    others = rows[-half:] if len(rows) >= 3 * half else rows[[*range(half, len(rows))]].flip(0)[:half]
    losses = []
    for beside in (rows[half : 2 * half], others):
        trial = FewExamples(problem, torch.cat([rows[:half], beside]))
        trial.move(seed)
        losses.append(trial.losses())
    alone = len(FewExamples(problem, rows[:half]).losses())
    return not trial.agree(losses[0][:alone], losses[1][:alone])
