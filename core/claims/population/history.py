"""Phase 1, the history that differs: training by a recipe until the loss over all examples is 0.15.

The loss is looked at every ten steps; the network that is kept is the place between the last two looks where the loss is 0.15 to
rounding, for every recipe alike, so that no recipe overshoots more than another.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from .data import Data
from .finish import between
from .network import Shape, losses, losses_and_gradients
from .optimiser import Optimiser
from .recipes import FIRST_STEPS, Recipe
from .streams import Stream

LEVEL = 0.15  # nats
LOOK = 10  # steps between looks
MOST_STEPS = 20_000
LOOKED_AT = (10, 20, 30, 50, 80, 120, 180, 250, 350, 500, 700, 1000)  # steps whose loss is kept


def histories(
    shape: Shape, data: Data, recipe: Recipe, streams: Sequence[Stream], level: float = LEVEL
) -> dict[str, np.ndarray]:
    """Train networks side by side; theta (n, P), NaN of one that does not reach the level, and its history.

    Returns
    -------
    theta    at the level
    history  (n, 17): steps, path length, displacement, tortuosity, initial norm, then the loss after LOOKED_AT steps (the level, where it
             was over by then)
    """
    run = _Run(shape, data, recipe, streams, level)
    while len(run.at) and run.optimiser.steps < MOST_STEPS:
        run.ten_steps()
    return {"theta": run.theta.numpy(), "history": run.summary()}


class _Run:
    """Networks under way: `at` says which of all each row of the working state is."""

    def __init__(self, shape: Shape, data: Data, recipe: Recipe, streams: Sequence[Stream], level: float) -> None:
        self.shape, self.data, self.recipe, self.level = shape, data, recipe, level
        self.streams = streams
        self.start = torch.from_numpy(np.stack([stream.initial(shape) for stream in self.streams]))
        count = len(streams)
        self.targets = data.targets.expand(count, -1).clone()
        self.first_targets = self._first_targets()
        self.at, self.now, self.looked = torch.arange(count), self.start.clone(), self.start.clone()
        self.optimiser = Optimiser(recipe, self.start)
        self.length = torch.zeros(count, dtype=torch.float64)
        self.theta = torch.full_like(self.start, torch.nan)
        self.steps = torch.full((count,), MOST_STEPS)
        self.curve = torch.full((count, len(LOOKED_AT)), level, dtype=torch.float64)
        self.everything = np.arange(len(data.targets))
        pool = None if recipe.first in (None, "shuffled") else data.pools[str(recipe.first)].numpy()
        self.first_pool = self.everything if pool is None else pool

    def _first_targets(self) -> Tensor:
        if self.recipe.first != "shuffled":
            return self.targets
        orders = [stream.generator.permutation(len(self.data.targets)) for stream in self.streams]
        return self.data.targets[torch.from_numpy(np.stack(orders))]

    def ten_steps(self) -> None:
        """Ten steps of those under way, then a look."""
        for _ in range(LOOK):
            self._step()
        found = losses(self.shape, self.now, self.data.inputs, self.data.targets)
        if self.optimiser.steps in LOOKED_AT:
            self.curve[self.at, LOOKED_AT.index(self.optimiser.steps)] = found
        done = found <= self.level
        if bool(done.any()):
            self._settle(done)
        self.looked = self.now.clone()

    def _step(self) -> None:
        early = self.recipe.first is not None and self.optimiser.steps < FIRST_STEPS
        pool, targets = (self.first_pool, self.first_targets) if early else (self.everything, self.targets)
        chosen = np.stack([self.streams[k].batch(pool, self.recipe.batch) for k in self.at.tolist()])
        rows = torch.from_numpy(chosen)
        _, gradient = losses_and_gradients(
            self.shape, self.now, self.data.inputs[rows], targets[self.at[:, None], rows]
        )
        if self.recipe.noise:
            size = self.shape.parameters
            draws = [self.streams[k].generator.normal(size=size) for k in self.at.tolist()]
            gradient = gradient + self.recipe.noise * torch.from_numpy(np.stack(draws))
        moved = self.optimiser.step(gradient)
        self.now = self.now + moved
        self.length[self.at] += moved.norm(dim=1)

    def _settle(self, done: Tensor) -> None:
        """Keep the place where those that are done passed the level, and go on with the others."""
        over, left = done.nonzero()[:, 0], (~done).nonzero()[:, 0]
        place = between(self.shape, self.data, self.looked[over], self.now[over], self.level)
        self.theta[self.at[over]] = place
        self.steps[self.at[over]] = self.optimiser.steps
        self.length[self.at[over]] -= (self.now[over] - place).norm(dim=1)
        self.at, self.now = self.at[left], self.now[left]
        self.optimiser.keep(left)

    def summary(self) -> np.ndarray:
        """The history of each network, (n, 17)."""
        away = (self.theta - self.start).norm(dim=1)
        columns = [self.steps.double(), self.length, away, self.length / away, self.start.norm(dim=1)]
        return torch.cat([torch.stack(columns, 1), self.curve], 1).numpy()
