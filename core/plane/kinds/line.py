"""The line from one configuration to another (Goodfellow et al. 2014, arXiv:1412.6544)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ...checks import known
from ...parameters import vectors
from ...problem.problem import Problem
from .. import directions
from ..configuration import Configuration, differences
from ..places import PLACE_HELP, places_of
from ..plane import Plane
from ..statistics import CHOICES, HELP, OWN, with_statistics
from .protocol import Axes, Axis, Parameter, PlaneKind


def line_between(a: Configuration, b: Configuration, batchnorm: str = OWN) -> Plane:
    """See `Plane.line`."""
    known(batchnorm, CHOICES, "choice for batchnorm")
    origin, first = differences(a, b)
    directions.length(first, "difference of the two configurations")
    line = Plane.around(origin, first, vectors.zeros_like(first), "line", {})
    line = with_statistics(line, [((0.0, 0.0), a), ((1.0, 0.0), b)], batchnorm)
    return replace(line, span=((-0.5, 1.5), (0.0, 0.0)))


def _make(problem: Problem, between: str, batchnorm: str) -> Plane:
    a, b = places_of(problem, between, 2, "between")
    line = Plane.line(a, b, batchnorm)
    ends = [word.strip() for word in between.split(",")]
    return replace(line, details={**line.details, "between": ends, "origin": ends[0]}).over(problem.parameters)


def _axes(facts: Mapping[str, Any]) -> Axes:
    a, b = facts.get("between") or ("a", "b")
    return Axis(f"from {a} to {b}"), Axis()


LINE = PlaneKind(
    "line",
    "Line between two networks",
    "The straight line from one network to another, such as from the start of training to its end.",
    _make,
    (
        Parameter("between", "initial,trained", f"Its two ends. {PLACE_HELP}", "From, to", places=2),
        Parameter("batchnorm", OWN, HELP, "BatchNorm statistics", CHOICES),
    ),
    axes=_axes,
    checkpoints=2,
    around=False,
    turns=False,
    called=("between", "origin"),
    source="Goodfellow et al. 2014",
)
