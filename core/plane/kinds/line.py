"""The line from one configuration to another (Goodfellow et al. 2014, arXiv:1412.6544)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ...parameters import vectors
from ...problem.problem import Problem
from .. import directions
from ..configuration import Configuration, differences
from ..places import PLACE_HELP, places_of
from ..plane import Plane
from .protocol import Axes, Axis, Parameter, PlaneKind


def line_between(a: Configuration, b: Configuration) -> Plane:
    """See `Plane.line`."""
    origin, first = differences(a, b)
    directions.length(first, "difference of the two configurations")
    line = Plane.around(origin, first, vectors.zeros_like(first), "line", {})
    return replace(line, span=((-0.5, 1.5), (0.0, 0.0)))


def _make(problem: Problem, between: str) -> Plane:
    line = Plane.line(*places_of(problem, between, 2, "between"))
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
    (Parameter("between", "initial,trained", f"Its two ends. {PLACE_HELP}", "From, to", places=2),),
    axes=_axes,
    checkpoints=2,
    around=False,
    turns=False,
    called=("between", "origin"),
)
