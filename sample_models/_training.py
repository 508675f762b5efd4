"""The training loop that all samples share: seeded, recorded, nothing else."""

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ._run import Tensors

Batch = tuple[Tensor, Tensor]
Criterion = Callable[[Tensor, Tensor], Tensor]


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Run the block from ``seed`` and give the caller's random state back afterwards."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


class Snapshots:
    """Keeps a copy of a network's trainable parameters and BatchNorm statistics at chosen optimiser steps.

    Parameters
    ----------
    model  the network being trained, at its initial parameters.
    at  the steps to keep; 0 is kept at once.
    """

    def __init__(self, model: nn.Module, at: Collection[int]) -> None:
        self.model, self.at = model, frozenset(at)
        self.step = 0
        self.steps: list[int] = []
        self._kept: list[Tensors] = []
        self._keep()

    def advance(self) -> None:
        """Count one optimiser step and keep a copy where one was asked for."""
        self.step += 1
        if self.step in self.at:
            self._keep()

    def finish(self) -> tuple[Tensors, tuple[int, ...]]:
        """The checkpoints, each of shape (T, *shape), and their T steps; the present state is the last."""
        if self.steps[-1] != self.step:
            self._keep()
        names = self._kept[0].keys()
        return {name: torch.stack([kept[name] for kept in self._kept]) for name in names}, tuple(self.steps)

    def _keep(self) -> None:
        self.steps.append(self.step)
        self._kept.append(trainable(self.model) | statistics(self.model))


def trainable(model: nn.Module) -> Tensors:
    """A copy of the trainable parameters by name."""
    return {name: p.detach().clone() for name, p in model.named_parameters() if p.requires_grad}


def statistics(model: nn.Module) -> Tensors:
    """A copy of BatchNorm's running means and variances by name."""
    return {name: b.detach().clone() for name, b in model.named_buffers() if is_statistic(name)}


def is_statistic(name: str) -> bool:
    """Whether a state dict's name is one of BatchNorm's running means and variances."""
    return name.rpartition(".")[2] in ("running_mean", "running_var")


def shuffled(inputs: Tensor, targets: Tensor, *, batch: int, epochs: int, seed: int) -> Iterator[Batch]:
    """Mini-batches in a new seeded order each epoch; the last one of an epoch may be smaller."""
    generator = torch.Generator().manual_seed(seed)
    for _ in range(epochs):
        for rows in torch.randperm(len(inputs), generator=generator).split(batch):
            yield inputs[rows], targets[rows]


def fit(
    model: nn.Module,
    batches: Iterable[Batch],
    optimizer: torch.optim.Optimizer,
    snapshots: Snapshots,
    *,
    criterion: Criterion = F.cross_entropy,
    scheduler: torch.optim.lr_scheduler.LRScheduler | None = None,
    penalty: Callable[[nn.Module], Tensor] | None = None,
) -> None:
    """One optimiser step per batch on criterion(outputs, targets), plus ``penalty(model)`` where given."""
    model.train()
    for inputs, targets in batches:
        loss = criterion(model(inputs), targets)
        if penalty is not None:
            loss = loss + penalty(model)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if scheduler is not None:
            scheduler.step()
        snapshots.advance()
    model.eval()
