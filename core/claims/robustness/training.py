"""Networks of any architecture trained by the claims' recipes and brought to one loss, many side by side."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ..population import Data, Recipe
from ..population.optimiser import Optimiser
from ..population.recipes import FIRST_STEPS
from ..population.streams import Stream
from .architectures import Architecture

START = 0.15  # nats: where the history ends, as in the registered populations
LOOK, MOST_STEPS = 10, 6_000
LONGEST, GROWTH, SHRINKAGE = 0.4, 1.2, 0.5
BISECTIONS = 48


def trained(
    architecture: Architecture, data: Data, recipe: Recipe, seeds: Sequence[int], label: str, level: float
) -> Tensor:
    """θ (n, P) at exactly `level` nats, by a history of its own and full-batch descent that is the same for all; NaN where not reached."""
    streams = [Stream(recipe, label, seed) for seed in seeds]
    return _finished(architecture, data, _history(architecture, data, recipe, streams), level)


def _history(architecture: Architecture, data: Data, recipe: Recipe, streams: Sequence[Stream]) -> Tensor:
    """θ where the loss over all examples is 0.15, falling; the segment between two looks is bisected."""
    theta = torch.from_numpy(np.stack([_initial(architecture, recipe, stream) for stream in streams]))
    start, at, looked = torch.full_like(theta, torch.nan), torch.arange(len(theta)), theta
    every, first = np.arange(len(data.targets)), data.pools[recipe.first].numpy() if recipe.first else None
    optimiser = Optimiser(recipe, theta)
    for step in range(MOST_STEPS):
        early = first is not None and step < FIRST_STEPS
        pool = first if early and first is not None else every
        rows = torch.from_numpy(np.stack([streams[k].batch(pool, recipe.batch) for k in at.tolist()]))
        _, gradient = architecture.losses_and_gradients(theta, data.inputs[rows], data.targets[rows])
        theta = theta + optimiser.step(gradient)
        if (step + 1) % LOOK:
            continue
        over = architecture.losses(theta, data) <= START
        over &= not early
        if over.any():
            start[at[over]] = _between(architecture, data, looked[over], theta[over], START)
            optimiser.keep((~over).nonzero()[:, 0])
            at, theta = at[~over], theta[~over]
        if not len(at):
            break
        looked = theta
    return start


def _initial(architecture: Architecture, recipe: Recipe, stream: Stream) -> np.ndarray:
    own = stream.generator if recipe.initial is None else np.random.default_rng(recipe.initial)
    return architecture.initial(recipe.scale, own)


def _finished(architecture: Architecture, data: Data, theta: Tensor, level: float) -> Tensor:
    """Gradient descent over all examples, a step that would raise the loss halved, until the loss is the level's to rounding."""
    final, at = torch.full_like(theta, torch.nan), theta.isfinite().all(1).nonzero()[:, 0]
    theta, step = theta[at], torch.full((len(at), 1), LONGEST, dtype=theta.dtype)
    loss, gradient = _slope(architecture, data, theta)
    for _ in range(MOST_STEPS):
        if not len(at):
            break
        tried = theta - step * gradient
        new_loss, new_gradient = _slope(architecture, data, tried)
        lower = (new_loss < loss)[:, None]
        over = lower[:, 0] & (new_loss <= level)
        final[at[over]] = _between(architecture, data, theta[over], tried[over], level)
        theta, gradient = torch.where(lower, tried, theta), torch.where(lower, new_gradient, gradient)
        loss = torch.where(lower[:, 0], new_loss, loss)
        step = torch.where(lower, (step * GROWTH).clamp(max=LONGEST), step * SHRINKAGE)
        at, theta, gradient, loss, step = (each[~over] for each in (at, theta, gradient, loss, step))
    return final


def _slope(architecture: Architecture, data: Data, theta: Tensor) -> tuple[Tensor, Tensor]:
    """Loss and gradient over all examples."""
    count = len(theta)
    return architecture.losses_and_gradients(theta, data.inputs.expand(count, -1, -1), data.targets.expand(count, -1))


def _between(architecture: Architecture, data: Data, high: Tensor, low: Tensor, level: float) -> Tensor:
    """The place of each segment where the loss is the level's, if the level lies between its ends."""
    left, right = torch.zeros(len(high), 1, dtype=high.dtype), torch.ones(len(high), 1, dtype=high.dtype)
    for _ in range(BISECTIONS if len(high) else 0):
        middle = (left + right) / 2
        above = (architecture.losses(high + middle * (low - high), data) > level)[:, None]
        left, right = torch.where(above, middle, left), torch.where(above, right, middle)
    return high + right * (low - high)
