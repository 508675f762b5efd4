"""The random numbers of one network: its initial weights, its order of examples and labels, its noise, whoever trains beside it."""

from __future__ import annotations

import math
import zlib

import numpy as np

from .network import Shape
from .recipes import Recipe


class Stream:
    """The random draws of network number `seed` of a recipe, in their order.

    label  of population and class: the same seed in another class is another stream
    """

    def __init__(self, recipe: Recipe, label: str, seed: int) -> None:
        self.recipe = recipe
        self.generator = np.random.default_rng([seed, zlib.crc32(label.encode())])
        self._pool: np.ndarray | None = None
        self._order = np.empty(0, dtype=np.int64)

    def initial(self, shape: Shape) -> np.ndarray:
        """θ₀ (P,)."""
        shared = self.recipe.initial
        return initial_weights(
            shape, self.recipe.scale, self.generator if shared is None else np.random.default_rng(shared)
        )

    def batch(self, pool: np.ndarray, size: int) -> np.ndarray:
        """The next `size` examples of a pool: a fresh order as soon as less than a batch is left of the last one."""
        if pool is not self._pool or len(self._order) < size:
            self._pool, self._order = pool, self.generator.permutation(pool)
        found, self._order = self._order[:size], self._order[size:]
        return found


def initial_weights(shape: Shape, scale: float, generator: np.random.Generator) -> np.ndarray:
    """Weights N(0, s²/fan_in), biases 0, in the order of the parameters (P,)."""
    d, h, k = shape.inputs, shape.hidden, shape.outputs
    first = generator.normal(size=h * d) * scale / math.sqrt(d)
    second = generator.normal(size=k * h) * scale / math.sqrt(h)
    return np.concatenate([first, np.zeros(h), second, np.zeros(k)])
