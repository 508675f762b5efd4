"""Whether the loss depends on the parameters that are moved: by the values put into them, and by what derivatives follow.

Merged adapters, a forward replaced by a closure over the original, weights kept in a list or a cache, a fused copy: such a
network computes with other weights than those it shows, and its landscape would be flat without a word.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import torch

from ..checks import InputError
from ..problem.kept_trials import keeps
from ..problem.problem import Problem
from .borrowed_weights import borrowed_weights
from .few_examples import FewExamples, first_predicted

PLACES = 4
FEW = 8  # examples
OTHERWISE = (
    "it computes with other weights than these (merged adapters, a forward replaced by a closure over the original network, "
    "weights kept in a list or a cache)"
)


@dataclass(frozen=True)
class Dependence:
    """How the loss depends on the parameters.

    moves     whether the loss changes
    follows   whether it changes in the same way where the parameters are given to the network from outside, as derivatives need
    repeats   whether it is the same when it is computed again at the same place
    borrowed  parameters that it is computed with where they were at first, besides those that are moved
    """

    moves: bool = True
    follows: bool = True
    repeats: bool = True
    borrowed: tuple[str, ...] = ()


def _read(content: dict[str, Any]) -> Dependence:
    return Dependence(**{**content, "borrowed": tuple(content["borrowed"])})


keeps("weight_dependence", asdict, _read)


def weight_dependence(problem: Problem) -> Dependence:
    """Tested once for a problem and all its parts, at a few places far from θ₀.

    >>> from torch import nn
    >>> weight_dependence(Problem(nn.Linear(2, 3), torch.eye(2), torch.tensor([0, 1])))
    Dependence(moves=True, follows=True, repeats=True, borrowed=())
    """
    dependence: Dependence | None = problem.trials.get("weight_dependence")
    if dependence is None:
        try:
            dependence = _tested(problem)
        except Exception:  # a network that cannot be tried on so few examples says so when it is measured
            dependence = Dependence()
        problem.trials["weight_dependence"] = dependence
    return dependence


def require_dependence(problem: Problem) -> None:
    """Raise InputError where the loss stays the same, to the last bit, wherever the parameters are; where a part of it does; and
    where it is another one each time."""
    dependence = weight_dependence(problem)
    if not dependence.repeats:
        raise InputError(
            f"The loss of '{problem.name}' is another one each time that it is computed at the same place from the same random "
            "state: it draws from a generator that it keeps for itself, or goes on from what the pass before left in a list or "
            "dict. Draw from torch's own generator (leave generator= out), and keep nothing from one pass to the next."
        )
    if not dependence.moves:
        raise InputError(
            f"The loss of '{problem.name}' stays the same to the last digit when its {len(problem.parameters)} trainable "
            f"tensors are moved, so its landscape is flat: {OTHERWISE}, or its loss is a constant. Unmerge the adapters, or "
            "build the network so that its forward uses its own parameters."
        )
    if dependence.borrowed:
        raise InputError(_borrowed_text(problem, dependence.borrowed))


def require_derivatives(problem: Problem) -> None:
    """Raise InputError where derivatives in the parameters would be those of other weights."""
    if not weight_dependence(problem).follows:
        raise InputError(
            f"Derivatives of '{problem.name}' cannot be had, because {OTHERWISE}: let its forward use the parameters "
            "themselves (self.layer.weight), and what a survey measures by forward passes alone is right as it is."
        )


def _borrowed_text(problem: Problem, names: tuple[str, ...]) -> str:
    first = f"'{names[0]}'" + (f" and {len(names) - 1} more" if len(names) > 1 else "")
    return (
        f"Part of the loss of '{problem.name}' is computed with parameters ({first}) of the network that was handed in, which "
        "stay where they are while a copy of it is moved: a function over model.parameters(), or a lambda in a forward, holds on "
        "to it. Write such a loss as Problem.from_loss(model, data, loss), whose loss(model, batch) is handed the network that "
        "is moved and uses nothing else; for ½ λ ‖θ‖² give weight_decay=λ; and let a forward reach its layers through self."
    )


def _tested(problem: Problem) -> Dependence:
    rows = None if problem.batches == "whole" else first_predicted(problem, FEW)
    trial = FewExamples(problem, rows)
    here, moves, follows = trial.losses(), False, True
    if not bool(torch.isfinite(here).all()):
        return Dependence()
    if not trial.agree(here, trial.losses()):
        return Dependence(repeats=False)
    for seed in range(1, PLACES + 1):
        trial.move(seed)
        there = trial.losses()
        moves |= not torch.equal(here, there)
        if seed == 1:  # beside θ₀, where rounding is what it is there
            follows = trial.agree(there, _from_outside(trial))
    part, device = trial.part, trial.space.device
    del trial  # its copy is freed before the next one is made
    borrowed = borrowed_weights(part, device) if moves else ()
    return Dependence(moves, follows or not moves, borrowed=borrowed)


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
