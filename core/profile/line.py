"""The loss along the straight line between two networks, by the engine that measures landscapes."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ..checks import InputError
from ..engine.evaluator import Evaluator
from ..network.forward import Forward, Measure
from ..network.workspace import choose_device, dtype_of
from ..plane.configuration import Configuration
from ..plane.plane import Plane
from ..plane.statistics import EVAL, on_plane
from ..problem.problem import Problem

POINTS = 17


def losses_between(
    problem: Problem,
    a: Configuration,
    b: Configuration,
    points: int = POINTS,
    batchnorm: str = EVAL,
    device: str | torch.device = "auto",
    dtype: torch.dtype | str | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """(t, losses), (points,) each: the loss at a + t (b − a), t from 0 to 1.

    Parameters
    ----------
    batchnorm  BatchNorm's statistics, as `Plane.line` has them

    Raises
    ------
    InputError  as for `Plane.line`; fewer than two points

    >>> from torch import nn
    >>> well = Problem(nn.Linear(1, 1, bias=False).double(), torch.ones(1, 1).double(), torch.zeros(1, 1), loss="mse")
    >>> ends = ({"weight": torch.tensor([[w]]).double()} for w in (-1.0, 1.0))
    >>> losses_between(well, *ends, points=3, device="cpu")[1].tolist()  # L = w²
    [1.0, 0.0, 1.0]
    """
    if points < 2:
        raise InputError(f"points should be 2 or more, but is {points}.")
    plane = Plane.line(a, b, batchnorm)
    loss = Measure(("loss",), _loss)
    evaluator = Evaluator(on_plane(problem, plane), plane, [loss], choose_device(device), dtype_of(dtype))
    t = np.linspace(0.0, 1.0, points)
    return t, evaluator.evaluate(np.column_stack([t, np.zeros(points)]))[:, 0]


def _loss(forward: Forward) -> Tensor:
    return forward.losses.double().sum()[None]
