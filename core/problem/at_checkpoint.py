"""A problem around the network as it was at a checkpoint of its training."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from ..checks import InputError

if TYPE_CHECKING:
    from .problem import Problem


def at_checkpoint(problem: Problem, index: int, own_statistics: bool = False) -> Problem:
    """The problem with the network as it was at a checkpoint of its training, so that planes lie around that place.

    Buffers, BatchNorm's statistics among them, stay the trained network's, as everywhere on a plane.

    own_statistics  BatchNorm's statistics are the checkpoint's own, where the checkpoints hold them

    Raises
    ------
    InputError  no training path, or no such checkpoint
    """
    if problem.trajectory is None:
        raise InputError(f"'{problem.name}' has no training trajectory, so there is no checkpoint {index}.")
    if not 0 <= index < len(problem.trajectory):
        raise InputError(f"The checkpoint should be from 0 to {len(problem.trajectory) - 1}, but is {index}.")
    moved, there = copy.copy(problem), problem.trajectory.at(index)
    moved.reported_loss = None  # of the trained network, and not of this one
    moved.model = problem.working_copy()
    for name, parameter in moved.model.named_parameters():
        if name in there:
            parameter.copy_(there[name])
            parameter.requires_grad_(True)
    statistics = problem.trajectory.statistics_at(index) if own_statistics else {}
    for name, buffer in moved.model.named_buffers():
        if name in statistics:
            buffer.copy_(statistics[name])
    return moved
