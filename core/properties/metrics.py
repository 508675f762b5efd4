"""A person's own measures of how good a network is, as heights of the terrain: F1, top 5, word error rate."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from ..checks import first_line
from ..network.forward import Measure
from ..network.whole_outputs import Whole
from ..problem.metrics import Metric
from ..problem.trial import undrawn
from .further_heights import FurtherHeights
from .protocol import Points, Readout

if TYPE_CHECKING:
    from ..plane.plane import Plane
    from ..problem.problem import Problem

COLUMN = "metric_{}"  # columns belong to all properties together
EXPLAINED = "The metric '{0}' of the problem's own, metrics={{'{0}': …}}, of the outputs for all examples at once."


class Metrics(FurtherHeights):
    """Each of `Problem(…, metrics=…)` at every point, under its own name."""

    name = "metrics"

    def readouts_of(self, facts: Mapping[str, Any]) -> tuple[Readout, ...]:
        return tuple(Readout(name, name, name, "", EXPLAINED.format(name)) for name in facts.get("names", ()))

    def measures(self, problem: Problem) -> tuple[Measure, ...]:
        return tuple(
            Measure((COLUMN.format(name),), partial(_number, name, metric), whole=True)
            for name, metric in problem.metrics.items()
        )

    def facts(self, problem: Problem, plane: Plane) -> dict[str, Any]:
        return {"names": list(problem.metrics)} if problem.metrics else {}

    def values(self, points: Points, facts: Mapping[str, Any]) -> dict[str, np.ndarray]:
        columns = {name: COLUMN.format(name) for name in facts.get("names", ())}
        return {name: points.columns[column] for name, column in columns.items() if column in points.columns}


def _number(name: str, metric: Metric, whole: Whole) -> Tensor:
    """What a metric gives at a point, (1,); NaN, with the reason, where it gives nothing that is a finite number."""
    found = math.nan
    try:
        with undrawn():
            found = averaged(metric(whole.outputs, whole.targets.clone()), len(whole.targets))
        why = "" if math.isfinite(found) else f"it gives {found}"
    except Exception as error:  # whatever a person's function raises on these outputs
        why = f"{type(error).__name__}: {first_line(error)}"
    if why:
        whole.failures.setdefault(name, why)
        found = math.nan
    return torch.tensor([found], dtype=torch.float64)


def averaged(given: Any, count: int) -> float:
    """One number as it is; one for each of `count` examples as their mean.

    Raises
    ------
    ValueError  neither

    >>> averaged(torch.tensor([[0.25]]), 3), averaged(np.array([0.0, 1.0, 1.0, 0.0]), 4), averaged(True, 3)
    (0.25, 0.5, 1.0)
    """
    numbers = np.asarray(given.detach().cpu() if isinstance(given, Tensor) else given)
    if numbers.dtype.kind not in "biuf":
        raise ValueError(f"it gives a {type(given).__name__} in place of real numbers")
    if numbers.size != 1 and numbers.shape not in ((count,), (count, 1)):
        raise ValueError(
            f"it gives shape {numbers.shape} in place of one number, or of one for each of the {count} examples"
        )
    return float(numbers.astype(np.float64).mean())
