"""The kinds of planes. A new one is its file and its line in KINDS; docs/adding-a-plane.md says how."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...checks import known
from .eigen import EIGEN
from .gradient import GRADIENT
from .line import LINE
from .protocol import Axes, Axis, Parameter, PlaneKind, plain_axes
from .random import RANDOM
from .through import THROUGH
from .trajectory import TRAJECTORY

__all__ = ["KINDS", "Axis", "Parameter", "PlaneKind", "axes_of", "kind_named", "kind_stored"]

KINDS: tuple[PlaneKind, ...] = (
    RANDOM,
    TRAJECTORY,
    *EIGEN,
    GRADIENT,
    LINE,
    THROUGH,
)


def kind_named(name: str) -> PlaneKind:
    """The kind that --plane calls so.

    Raises
    ------
    InputError  there is none

    >>> kind_named("eigen-top").title
    'Top two eigenvectors'
    """
    kinds = {kind.name: kind for kind in KINDS}
    return kinds[known(name, kinds, "plane")]


def kind_stored(stored: str) -> PlaneKind | None:
    """The first kind whose planes have this `Plane.kind`; None where nothing is known of it."""
    return next((kind for kind in KINDS if kind.stored_as == stored), None)


def axes_of(facts: Mapping[str, Any]) -> Axes:
    """The meaning of the two directions of a stored plane.

    >>> axes_of({"kind": "eigen", "which": ["top", "bottom"], "turn": 30.0})[1].title
    'bottom eigenvector, turned by 30°'
    """
    kind = kind_stored(facts.get("kind", ""))
    first, second = (kind.axes if kind else plain_axes)(facts)
    if facts.get("turn") and second.title:
        second = Axis(f"{second.title}, turned by {facts['turn']:g}°")
    return first, second
