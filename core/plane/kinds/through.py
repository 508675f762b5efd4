"""The plane of three configurations (Garipov et al. 2018, arXiv:1802.10026)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ...checks import InputError, known
from ...parameters import vectors
from ...parameters.hashing import tensor_digest
from ...problem.problem import Problem
from .. import directions
from ..configuration import Configuration, differences, tensors_of
from ..places import PLACE_HELP, places_of
from ..plane import Plane, span_around
from ..statistics import CHOICES, HELP, OWN, with_statistics
from .protocol import Axes, Axis, Parameter, PlaneKind


def plane_through(a: Configuration, b: Configuration, c: Configuration, batchnorm: str = OWN) -> Plane:
    """See `Plane.through`."""
    known(batchnorm, CHOICES, "choice for batchnorm")
    origin, first, towards = differences(a, b, c)
    length = directions.length(first, "difference of the first two configurations")
    beside = directions.orthogonalized(towards, first)
    if vectors.norm(beside) <= 1e-9 * vectors.norm(towards):
        raise InputError("The three configurations lie on one line, which spans no plane: use Plane.line.")
    second = {k: v * length for k, v in directions.unit(beside, "third configuration").items()}
    # d₂ comes from sums, whose last bits depend on the number of threads: the corners themselves say which plane it is
    corners = [tensor_digest({k: tensors_of(each)[k] for k in origin}) for each in (b, c)]
    plane = Plane.around(origin, first, second, "through", {"corners": corners})
    places = [(0.0, 0.0), (1.0, 0.0), plane.project(c)[:2]]
    plane = with_statistics(plane, list(zip(places, (a, b, c), strict=True)), batchnorm)
    return replace(plane, span=span_around(np.array(places), margin=0.4))


def _make(problem: Problem, through: str, batchnorm: str) -> Plane:
    a, b, c = places_of(problem, through, 3, "through")
    plane = Plane.through(a, b, c, batchnorm)
    names = [word.strip() for word in through.split(",")]
    return replace(plane, details={**plane.details, "through": names, "origin": names[0]}).over(problem.parameters)


def _axes(facts: Mapping[str, Any]) -> Axes:
    a, b, c = facts.get("through") or ("a", "b", "c")
    return Axis(f"from {a} to {b}"), Axis(f"towards {c}")


THROUGH = PlaneKind(
    "through",
    "Through three networks",
    "The plane in which three networks lie, such as the start of training, its middle and its end.",
    _make,
    (
        Parameter(
            "through",
            "trained,initial,middle",
            f"Its three networks, the first at (0, 0). {PLACE_HELP}",
            "Network",
            places=3,
        ),
        Parameter("batchnorm", OWN, HELP, "BatchNorm statistics", CHOICES),
    ),
    axes=_axes,
    checkpoints=3,
    around=False,
    exact=False,
    called=("through", "origin"),
    source="Garipov et al. 2018",
)
