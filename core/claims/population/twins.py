"""Twins: two networks of exactly the same spectrum and different histories, by a symmetry of the data.

On the data called "mirrored", σ exchanges features 1–8 with 9–16 and adds 5 to every label. It takes task A to task B, every step
of a training to a step of the mirrored training, and changes no loss and no eigenvalue.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from .data import CLASSES, FEATURES, TRAINING, data_of
from .finish import finished
from .history import histories
from .network import SHAPE, Shape
from .recipes import Contrast
from .streams import Stream


def mirrored_weights(shape: Shape, theta: Tensor) -> Tensor:
    """σθ of networks (n, P): σ twice is θ.

    >>> theta = torch.arange(334.0)[None]
    >>> bool((mirrored_weights(Shape(), mirrored_weights(Shape(), theta)) == theta).all())
    True
    """
    first, bias, second, last = shape.parts(theta)
    moved = (
        first.roll(FEATURES // 2, 2).flatten(1),
        bias,
        second.roll(CLASSES // 2, 1).flatten(1),
        last.roll(CLASSES // 2, 1),
    )
    return torch.cat(moved, 1)


class MirroredStream(Stream):
    """Another network's draws under σ: σ of its initial weights, the mirrored examples in the same order."""

    def __init__(self, stream: Stream, pools: dict[str, np.ndarray]) -> None:
        self.stream, self.pools, self.recipe, self.generator = stream, pools, stream.recipe, stream.generator

    def initial(self, shape: Shape) -> np.ndarray:
        """σθ₀ (P,)."""
        return mirrored_weights(shape, torch.from_numpy(self.stream.initial(shape))[None])[0].numpy()

    def batch(self, pool: np.ndarray, size: int) -> np.ndarray:
        """The mirrored examples of those that the other network takes."""
        own = self.pools["A"] if len(pool) < TRAINING else self.pools["all"]
        return (self.stream.batch(own, size) + TRAINING // 2) % TRAINING


def twins(contrast: Contrast, seed: int, shape: Shape = SHAPE) -> Tensor:
    """θ (levels, 2, P): a network that learned A first, and its twin, trained on its own, that learned B first."""
    data = data_of("mirrored")
    pools = {"A": data.pools["A"].numpy(), "all": np.arange(TRAINING)}
    own, other = (Stream(contrast.recipes[0], "twins", seed) for _ in range(2))
    streams = (own, MirroredStream(other, pools))
    trained = [
        histories(shape, data, recipe, [stream])["theta"]
        for recipe, stream in zip(contrast.recipes, streams, strict=True)
    ]
    return torch.stack([finished(shape, data, torch.from_numpy(each))[:, 0] for each in trained], 1)
