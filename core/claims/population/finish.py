"""Phase 2, the same for all: full-batch gradient descent, and each network at the very same losses.

Loss cannot tell two histories apart when it is equal, so the last step is bisected until the loss is the level's to rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from .data import Data
from .network import Shape, losses, losses_and_gradients

LEVELS = {"stop": 0.14, "late": 0.05}  # nats
LONGEST = 0.4  # step
GROWTH, SHRINKAGE = 1.2, 0.5
BISECTIONS = 48
MOST_STEPS = 5_000


def finished(shape: Shape, data: Data, theta: Tensor, levels: Sequence[float] = tuple(LEVELS.values())) -> Tensor:
    """θ (levels, n, P) where the loss is each level, falling, along gradient descent from θ (n, P); NaN where it is not reached.

    A step that would raise the loss is halved until it does not; one that does not grows by a fifth, up to 0.4.
    """
    found = torch.full((len(levels), *theta.shape), torch.nan, dtype=theta.dtype)
    at = theta.isfinite().all(1).nonzero()[:, 0]
    slope = losses_and_gradients(shape, theta[at], data.inputs, data.targets)
    state = State(at, theta[at], torch.full((len(at), 1), LONGEST, dtype=theta.dtype), *slope)
    for index, level in enumerate(levels):
        state = _descend(shape, data, found[index], level, state)
    return found


class State(NamedTuple):
    """Networks under way: which of all each row is, θ, step, loss and gradient there."""

    at: Tensor
    now: Tensor
    step: Tensor
    loss: Tensor
    gradient: Tensor

    def part(self, chosen: Tensor) -> State:
        """Some of them."""
        return State(*(each[chosen] for each in self))


def _descend(shape: Shape, data: Data, found: Tensor, level: float, state: State) -> State:
    """Fill `found` (n, P) at a level; the state there of all that reached it."""
    reached = [state.part(state.at < 0)]
    for _ in range(MOST_STEPS):
        if not len(state.at):
            break
        tried = state.now - state.step * state.gradient
        loss, gradient = losses_and_gradients(shape, tried, data.inputs, data.targets)
        falls = (loss < state.loss)[:, None]
        done = (loss <= level) & falls[:, 0]
        if bool(done.any()):
            here = between(shape, data, state.now[done], tried[done], level)
            found[state.at[done]] = here
            slope = losses_and_gradients(shape, here, data.inputs, data.targets)
            reached.append(State(state.at[done], here, state.step[done], *slope))
        step = torch.where(falls, (state.step * GROWTH).clamp(max=LONGEST), state.step * SHRINKAGE)
        moved = (
            torch.where(falls, tried, state.now),
            step,
            torch.where(falls[:, 0], loss, state.loss),
            torch.where(falls, gradient, state.gradient),
        )
        state = State(state.at, *moved).part(~done)
    whole = State(*(torch.cat(parts) for parts in zip(*reached, strict=True)))
    return whole.part(whole.at.argsort())


def between(shape: Shape, data: Data, above: Tensor, below: Tensor, level: float) -> Tensor:
    """The place on the line from θ above the level to θ below it, (n, P) each, where the loss is the level, by bisection."""
    low = torch.zeros(len(above), 1, dtype=above.dtype)
    high = torch.ones_like(low)
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        over = losses(shape, torch.lerp(above, below, middle), data.inputs, data.targets)[:, None] > level
        low, high = torch.where(over, middle, low), torch.where(over, high, middle)
    return torch.lerp(above, below, high)
