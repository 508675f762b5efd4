"""The line within a plane between two of its points."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from ..checks import InputError
from .kinds.line import line_between
from .statistics import EVAL

if TYPE_CHECKING:
    from .plane import Plane


def line_across(plane: Plane, a: tuple[float, float], b: tuple[float, float]) -> Plane:
    """See `Plane.across`."""
    if not all(map(math.isfinite, (*a, *b))):
        raise InputError(f"The ends of a line across a plane should be finite, but are {a} and {b}.")
    start, end = plane.at(*a), plane.at(*b)
    if a == b or all(bool((start[name] == end[name]).all()) for name in start):
        raise InputError(f"A line needs two places, but both ends are {_name(a)}: choose another.")
    made = line_between(start, end, EVAL)
    names = [_name(a), _name(b)]
    about = {"between": names, "origin": names[0], "across": {"kind": plane.kind, **plane.details}}
    unit = plane.origin if plane.unit is None else plane.unit
    return replace(made, details={**made.details, **about}, span=((0.0, 1.0), (0.0, 0.0)), unit=unit)


def _name(place: tuple[float, float]) -> str:
    return f"({place[0]:.4g}, {place[1]:.4g})"
