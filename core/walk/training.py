"""The path of a training, seen on any plane: its checkpoints' places there, and what is true of them where they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..checks import InputError
from ..curvature.loss_function import LossFunction
from ..network.batchnorm import adopt
from ..plane.plane import Plane
from ..problem.problem import Problem


@dataclass(frozen=True)
class TrainingPath:
    """Where a training went, seen on a plane.

    Attributes
    ----------
    name         of the problem
    step         (T + 1,) optimiser step of each checkpoint
    loss         (T + 1,) L of all examples at the checkpoint itself, in the loss's unit: not at its projection
    alpha, beta  (T + 1,) least-squares coordinates on the plane
    off_plane    (T + 1,) distance from the plane, in parameter units
    """

    name: str
    step: np.ndarray
    loss: np.ndarray
    alpha: np.ndarray
    beta: np.ndarray
    off_plane: np.ndarray


def training_path(problem: Problem, plane: Plane, device: str | torch.device = "auto") -> TrainingPath:
    """A problem's training path on a plane, which may be another training's, or pass through the ends of several.

    The loss at a checkpoint is the problem's own, with the BatchNorm statistics that the checkpoint brings along.

    Raises
    ------
    InputError  no training path; a plane of another network

    >>> from torch import nn
    >>> from ..problem.trajectory import Trajectory
    >>> way = Trajectory({"weight": torch.tensor([[[0.0, 0.0]], [[3.0, 4.0]]]).double()})
    >>> net = nn.Linear(2, 1, bias=False).double()
    >>> there = Problem(net, torch.eye(2).double(), torch.zeros(2, 1), loss="mse", trajectory=way)
    >>> line = Plane.line({"weight": torch.zeros(1, 2)}, {"weight": torch.tensor([[1.0, 0.0]])})
    >>> seen = training_path(there, line, "cpu")  # (3, 4) is 3 along the line and 4 off it, its loss (9 + 16) / 2
    >>> seen.alpha.tolist(), seen.off_plane.tolist(), seen.loss.tolist()
    ([0.0, 3.0], [0.0, 4.0], [0.0, 12.5])
    """
    path = problem.trajectory
    if path is None:
        raise InputError(f"'{problem.name}' has no training path: give Problem(…, trajectory=…).")
    own, others = ({name: each.shape for name, each in point.items()} for point in (problem.parameters, plane.origin))
    if own != others:
        raise InputError(f"'{problem.name}' is another network than the plane's: choose trainings of one network.")
    function = LossFunction(problem, None, device)
    places = plane.project_path(path)
    losses = [_loss_at(function, point, path.statistics_at(index)) for index, point in enumerate(path)]
    return TrainingPath(problem.name, np.array(path.steps), np.array(losses), *places.T)


def _loss_at(function: LossFunction, point: Mapping[str, Tensor], statistics: Mapping[str, Tensor]) -> float:
    where = function.point
    return checkpoint_loss(function, function.layout.flatten(point, where.device, where.dtype), statistics)


def checkpoint_loss(function: LossFunction, point: Tensor, statistics: Mapping[str, Tensor]) -> float:
    """The loss of a checkpoint (P,), with its own BatchNorm statistics where it has brought them along."""
    if not statistics:
        return function.calibrate(point).loss(point)
    space = function.workspace
    before = {name: buffer.clone() for name, buffer in space.model.named_buffers()}
    adopt(space, statistics)
    try:
        return function.loss(point)
    finally:
        adopt(space, before)
