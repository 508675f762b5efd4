"""One step of many networks: SGD, heavy-ball momentum, Adam (Kingma & Ba 2015), with torch's defaults."""

from __future__ import annotations

import torch
from torch import Tensor

from .recipes import Recipe

BETAS, EPSILON = (0.9, 0.999), 1e-8


class Optimiser:
    """The state of n networks that are trained by one recipe."""

    def __init__(self, recipe: Recipe, theta: Tensor) -> None:
        self.recipe = recipe
        self.first, self.second, self.steps = torch.zeros_like(theta), torch.zeros_like(theta), 0

    def step(self, gradient: Tensor) -> Tensor:
        """The step to add to θ, (n, P)."""
        self.steps += 1
        if self.recipe.optimiser == "adam":
            return self._adam(gradient)
        if self.recipe.momentum:
            self.first = self.recipe.momentum * self.first + gradient
            gradient = self.first
        return -self.recipe.rate * gradient

    def _adam(self, gradient: Tensor) -> Tensor:
        a, b = BETAS
        self.first = a * self.first + (1 - a) * gradient
        self.second = b * self.second + (1 - b) * gradient.square()
        root = (self.second / (1 - b**self.steps)).sqrt() + EPSILON
        return -self.recipe.rate * self.first / (1 - a**self.steps) / root

    def keep(self, chosen: Tensor) -> None:
        """Go on with some of the networks."""
        self.first, self.second = self.first[chosen], self.second[chosen]
