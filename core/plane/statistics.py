"""BatchNorm's statistics on planes through other networks: each network's own at its own point, the data's in between.

Statistics are no directions (Li et al. 2018), and a straight line between two networks' statistics is not that of the network
between them: they are recomputed on the data (Izmailov et al. 2018; Garipov et al. 2018, §A.2).
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from torch import nn

from ..parameters.hashing import tensor_digest
from ..parameters.vectors import Vector
from ..problem.problem import Problem
from ..problem.trajectory import STATISTICS
from .configuration import Configuration

if TYPE_CHECKING:
    from .plane import Plane

OWN, EVAL = "own", "eval"
CHOICES = {OWN: "each network's own, the data's between", EVAL: "the trained network's"}
HELP = (
    "BatchNorm's statistics. own: each network's own at its own point, of the data in between; eval: the trained network's "
    "everywhere."
)


def statistics_of(thing: Configuration) -> Vector:
    """BatchNorm's running means and variances that a configuration brings along, by name; nothing where it has none."""
    if isinstance(thing, Problem):
        thing = thing.model
    named = thing.named_buffers() if isinstance(thing, nn.Module) else thing.items()
    return {name: tensor.detach().clone() for name, tensor in named if name.endswith(STATISTICS)}


def with_statistics(
    plane: Plane, networks: Sequence[tuple[tuple[float, float], Configuration]], batchnorm: str
) -> Plane:
    """The plane with the statistics of the networks at (α, β) on it; under "eval" without any."""
    if batchnorm == EVAL:
        return replace(plane, details={**plane.details, "batchnorm": EVAL})
    statistics = tuple((place, buffers) for place, thing in networks if (buffers := statistics_of(thing)))
    details = dict(plane.details)
    if statistics:
        named = {f"{place}/{name}": tensor for place, buffers in statistics for name, tensor in buffers.items()}
        details["statistics"] = tensor_digest(named)
    return replace(plane, details=details, statistics=statistics, recalibrates=True)


def on_plane(problem: Problem, plane: Plane) -> Problem:
    """The problem as it is measured on a plane: where that asks for it, with statistics as the plane has them.

    A problem that recalibrates everywhere, or whose network keeps no such statistics, is as it was.
    """
    if not plane.recalibrates or problem.batchnorm != "eval" or not _keeps_statistics(problem.model):
        return problem
    moved = copy.copy(problem)
    moved.batchnorm = "recalibrate"
    moved.known_statistics = tuple((plane.at(*place), own) for place, own in plane.statistics)
    return moved


def _keeps_statistics(model: nn.Module) -> bool:
    layers = (m for m in model.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm))
    return any(layer.running_mean is not None for layer in layers)


def said_of(plane: Mapping[str, object], problem: Mapping[str, object]) -> str:
    """A sentence on the statistics of a stored plane; "" where there is nothing to say.

    plane, problem  what a landscape says of them

    >>> said_of({"batchnorm": "eval"}, {})
    "BatchNorm statistics stay the trained network's."
    """
    if plane.get("batchnorm") == EVAL:
        return "BatchNorm statistics stay the trained network's."
    if problem.get("batchnorm") != "recalibrate":
        return ""
    own = "each network's own at its own point, and those of the data elsewhere"
    return f"BatchNorm statistics are {own if 'statistics' in plane else 'those of the data at every point'}."
