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
from ..network.forward import SECOND, Measure
from ..network.whole_outputs import Whole
from ..problem.metrics import Metric
from ..problem.trial import undrawn
from .further_heights import FurtherHeights
from .protocol import Points, Readout

if TYPE_CHECKING:
    from ..plane.plane import Plane
    from ..problem.problem import Problem

COLUMN = "metric_{}"  # columns belong to all properties together
GAP = "gap_{}"  # a readout: the metric on the second data set less that on the first
EXPLAINED = "The metric '{0}' of the problem's own, metrics={{'{0}': …}}, of the outputs for all examples at once."
EXPLAINED_SECOND = "The metric '{0}' of the problem's own on the second data set, test=."
EXPLAINED_GAP = "The metric '{0}' on the second data set less that on the first; zero where it is the same on both."


class Metrics(FurtherHeights):
    """Each of `Problem(…, metrics=…)` at every point, under its own name; beside a second data set also there, and the difference.

    f1 on the first data, test_f1 on the second, gap_f1 = test_f1 − f1.
    """

    name = "metrics"

    def readouts_of(self, facts: Mapping[str, Any]) -> tuple[Readout, ...]:
        second = facts.get("second", False)
        return tuple(readout for name in facts.get("names", ()) for readout in _readouts(name, second))

    def measures(self, problem: Problem) -> tuple[Measure, ...]:
        there = _on_second(problem)
        first = [_measure(name, metric, name, there) for name, metric in problem.metrics.items()]
        second = [
            _measure(name, metric, f"{SECOND}{name}", there).on_second for name, metric in problem.metrics.items()
        ]
        return (*first, *(second if there else ()))

    def facts(self, problem: Problem, plane: Plane) -> dict[str, Any]:
        if not problem.metrics:
            return {}
        return {"names": list(problem.metrics)} | ({"second": True} if _on_second(problem) else {})

    def values(self, points: Points, facts: Mapping[str, Any]) -> dict[str, np.ndarray]:
        heights = {}
        for name in facts.get("names", ()):
            first, second = COLUMN.format(name), f"{SECOND}{COLUMN.format(name)}"
            if first in points.columns:
                heights[name] = points.columns[first]
            if first in points.columns and second in points.columns:
                heights[f"{SECOND}{name}"] = points.columns[second]
                heights[GAP.format(name)] = points.columns[second] - points.columns[first]
        return heights


def _on_second(problem: Problem) -> bool:
    return problem.second is not None


def _readouts(name: str, second: bool) -> tuple[Readout, ...]:
    own, test, gap = name, f"{SECOND}{name}", GAP.format(name)
    first = Readout(own, own, own, "", EXPLAINED.format(name))
    if not second:
        return (first,)
    return (
        first,
        Readout(test, test, f"Test {name}", "", EXPLAINED_SECOND.format(name)),
        Readout(gap, gap, f"Gap of {name}", "", EXPLAINED_GAP.format(name), zero=True),
    )


def _measure(name: str, metric: Metric, variable: str, gap: bool) -> Measure:
    """The metric `name` for the readout `variable`; `gap`: the difference of the two data sets fails with it."""
    of = (variable, GAP.format(name)) if gap else (variable,)
    return Measure((COLUMN.format(name),), partial(_number, of, metric), whole=True)


def _number(readouts: tuple[str, ...], metric: Metric, whole: Whole) -> Tensor:
    """Value of a metric at a point, (1,); NaN, with the reason for all `readouts` of it, where that is no finite number."""
    value = math.nan
    try:
        with undrawn():
            value = averaged(metric(whole.outputs, whole.targets.clone()), len(whole.targets))
        why = "" if math.isfinite(value) else f"it gives {value}"
    except Exception as error:  # whatever a person's function raises on these outputs
        why = f"{type(error).__name__}: {first_line(error)}"
    if why:
        for readout in readouts:
            whole.failures.setdefault(readout, why)
        value = math.nan
    return torch.tensor([value], dtype=torch.float64)


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
