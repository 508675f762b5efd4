"""Heights beside the loss, where a problem has them: what such a file gives, and the sums of a loss that several share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch
from torch import Tensor

from ..network.forward import Forward, Measure
from .protocol import Points, Readout

if TYPE_CHECKING:
    from ..plane.plane import Plane
    from ..problem.problem import Problem


class FurtherHeights(Protocol):
    """Readouts of the terrain that are there wherever a problem has what they need, without being asked for.

    name      of its facts among the terrain's
    readouts  those whose names are the same on every landscape
    """

    name: str
    readouts: tuple[Readout, ...] = ()

    def readouts_of(self, facts: Mapping[str, Any]) -> tuple[Readout, ...]:
        """Those that a person brings, on a landscape with these facts of its own."""
        return ()

    def measures(self, problem: Problem) -> tuple[Measure, ...]:
        """Measures of the forward passes behind the heights."""
        return ()

    def facts(self, problem: Problem, plane: Plane) -> dict[str, Any]:
        """Facts of the heights in closed form, ready for JSON; nothing where the problem has no such height."""
        return {}

    def values(self, points: Points, facts: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """variable → (m,), as far as `points` have the columns and `facts`, its own, the numbers."""
        ...


def loss_measures(problem: Problem) -> tuple[Measure, ...]:
    """The mean loss, and accuracy where there are classes."""
    if not problem.stated.likelihood.is_categorical:
        return (mean_loss("loss"),)
    return (mean_loss("loss"), Measure(("accuracy",), _hits, each=_each_hit))


def mean_loss(column: str) -> Measure:
    """The mean loss as a column; what it is called decides whether weight decay is part of it."""
    return Measure((column,), _loss, of_loss=True, each=_each_loss)


def accuracy_and_loss(points: Points, before: str = "") -> dict[str, np.ndarray]:
    """`loss` and `accuracy` of a data set whose columns begin with `before`, and the error of the loss over draws."""
    columns = points.columns
    heights = {f"{before}loss": columns[f"{before}loss"]}
    if f"{before}accuracy" in columns:
        # where the outputs are not numbers the largest of them means nothing
        heights[f"{before}accuracy"] = np.where(
            np.isnan(heights[f"{before}loss"]), np.nan, columns[f"{before}accuracy"]
        )
    if f"{before}loss_draw_error" in columns:
        heights[f"{before}loss_se"] = columns[f"{before}loss_draw_error"]
    return heights


def _loss(forward: Forward) -> Tensor:
    return forward.losses.sum(dtype=torch.float64)[None]


def _each_loss(forward: Forward) -> Tensor:
    return forward.losses[None]


def _each_hit(forward: Forward) -> Tensor:
    return forward.hits.to(forward.logits.dtype)[None]


def _hits(forward: Forward) -> Tensor:
    return (forward.top[1] == forward.labels).sum(dtype=torch.float64)[None]
