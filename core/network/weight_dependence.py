"""Whether the loss depends on the parameters that are moved: by the values put into them, and by what derivatives follow.

Merged adapters, a forward replaced by a closure over the original, weights kept in a list or a cache, a fused copy: such a
network computes with other weights than those it shows, and its landscape would be flat without a word.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from ..checks import InputError
from ..problem.problem import Problem
from .few_examples import FewExamples

PLACES = 4
FEW = 8  # examples
OTHERWISE = (
    "it computes with other weights than these (merged adapters, a forward replaced by a closure over the original network, "
    "weights kept in a list or a cache)"
)


@dataclass(frozen=True)
class Dependence:
    """How the loss depends on the parameters.

    moves    whether the loss changes
    follows  whether it changes in the same way where the parameters are given to the network from outside, as derivatives need
    """

    moves: bool = True
    follows: bool = True


def weight_dependence(problem: Problem) -> Dependence:
    """Tested once for a problem and all its parts, at a few places far from θ₀.

    >>> from torch import nn
    >>> weight_dependence(Problem(nn.Linear(2, 3), torch.eye(2), torch.tensor([0, 1])))
    Dependence(moves=True, follows=True)
    """
    found: Dependence | None = problem.trials.get("weight_dependence")
    if found is None:
        try:
            found = _tested(problem)
        except Exception:  # a network that cannot be tried on so few examples says so when it is measured
            found = Dependence()
        problem.trials["weight_dependence"] = found
    return found


def require_dependence(problem: Problem) -> None:
    """Raise InputError where the loss stays the same, to the last bit, wherever the parameters are."""
    if not weight_dependence(problem).moves:
        raise InputError(
            f"The loss of '{problem.name}' stays the same to the last digit when its {len(problem.parameters)} trainable "
            f"tensors are moved, so its landscape is flat: {OTHERWISE}, or its loss is a constant. Unmerge the adapters, or "
            "build the network so that its forward uses its own parameters."
        )


def require_derivatives(problem: Problem) -> None:
    """Raise InputError where derivatives in the parameters would be those of other weights."""
    if not weight_dependence(problem).follows:
        raise InputError(
            f"Derivatives of '{problem.name}' cannot be had, because {OTHERWISE}: let its forward use the parameters "
            "themselves (self.layer.weight), and what a survey measures by forward passes alone is right as it is."
        )


def _tested(problem: Problem) -> Dependence:
    rows = None if problem.batches == "whole" else torch.arange(min(FEW, problem.example_count))
    trial = FewExamples(problem, rows)
    here, moves, follows = trial.losses(), False, True
    if not bool(torch.isfinite(here).all()):
        return Dependence()
    for seed in range(1, PLACES + 1):
        trial.move(seed)
        there = trial.losses()
        moves |= not torch.equal(here, there)
        if seed == 1:  # beside θ₀, where rounding is what it is there
            follows = trial.agree(there, _from_outside(trial))
    return Dependence(moves, follows or not moves)


def _from_outside(trial: FewExamples) -> torch.Tensor:
    """The losses at the trial's place, its parameters handed to a network that stands at θ₀."""
    space = trial.space
    point, plain = space.layout.views(space.flat.clone()), space.forward
    space.flat.copy_(space.origin)
    space.forward = lambda *args, **kwargs: space.outputs_at(point, args, kwargs)
    try:
        return trial.losses()
    finally:
        space.forward = plain
