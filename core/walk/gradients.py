"""The gradients that an optimiser follows: of all examples, or of the minibatch that comes next."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ..curvature.loss_function import LossFunction
from ..network.batching import required_batch_size
from ..network.workspace import Batch


class Gradients:
    """Gradients of a problem's loss along a walk.

    Where batches are part of what the loss is, a minibatch is one of these; else it is drawn: every epoch has an order of its
    own, which follows from the seed and the epoch's number alone, so that a walk that goes on sees what it would have seen.

    Parameters
    ----------
    function  the loss
    size      examples in a minibatch; None: all
    seed      of the order

    Attributes
    ----------
    said      a sentence: what a step's gradient is of
    """

    def __init__(self, function: LossFunction, size: int | None, seed: int) -> None:
        self.function, self._seed = function, seed
        problem, space = function.problem, function.workspace
        fixed = required_batch_size(problem, space.device) is not None or not problem.likelihood.is_per_example
        self._own: Sequence[Batch] | None = space.batches if fixed and size is not None else None
        count = problem.example_count
        self._size = count if size is None else min(size, count)
        if self._own is not None:
            self.said = f"one of the loss's own {len(self._own)} batches a step"
        elif self._size == count:
            self.said = "all examples a step"
        else:
            self.said = f"{self._size} examples a step"

    def at(self, point: Tensor, step: int) -> Tensor:
        """∇L at a flat point of the minibatch of a step, counted from 0."""
        if self._own is None and self._size == self.function.problem.example_count:
            return self.whole(point)
        self.function.calibrate(point)
        return self._mean(point, self._batch(step))

    def whole(self, point: Tensor) -> Tensor:
        """∇L at a flat point, of all examples."""
        return self.function.calibrate(point).loss_and_gradient(point)[1]

    def loss(self, point: Tensor) -> float:
        """L at a flat point, of all examples."""
        return self.function.calibrate(point).loss(point)

    def _batch(self, step: int) -> Batch:
        if self._own is not None:
            return self._own[self._order(len(self._own), step // len(self._own))[step % len(self._own)]]
        problem = self.function.problem
        in_epoch = -(-problem.example_count // self._size)
        epoch, place = divmod(step, in_epoch)
        rows = self._order(problem.example_count, epoch)[place * self._size : (place + 1) * self._size]
        part = problem.subset(torch.tensor(rows))
        return self.function.workspace.beside(part, len(rows)).batches[0]

    def _order(self, count: int, epoch: int) -> list[int]:
        generator = torch.Generator().manual_seed((self._seed * 1_000_003 + epoch) % 2**63)
        order: list[int] = torch.randperm(count, generator=generator).tolist()
        return order

    @torch.enable_grad()
    def _mean(self, at: Tensor, batch: Batch) -> Tensor:
        point = at.clone().requires_grad_(True)
        total = self.function.losses(point, batch).sum()
        count = max(1, self.function.problem.likelihood.prediction_count(batch.shaped_targets))
        return self.function.slope(total, point) / count + self.function.problem.weight_decay * at
