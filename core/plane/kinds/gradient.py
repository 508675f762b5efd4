"""The gradient at θ₀, and the top eigenvector of the Hessian beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...problem.problem import Problem
from ..curvature_directions import gradient_and_eigenvector
from ..plane import Plane
from .protocol import Axes, Axis, PlaneKind


def gradient_plane(problem: Problem, seed: int = 0) -> Plane:
    """See `Plane.gradient`."""
    first, second, details = gradient_and_eigenvector(problem, seed)
    return Plane.around(problem.parameters, first, second, "gradient", details)


def _axes(facts: Mapping[str, Any]) -> Axes:
    return Axis("gradient"), Axis("top eigenvector")


GRADIENT = PlaneKind(
    "gradient",
    "Gradient and top eigenvector",
    "The gradient, and the direction of largest curvature beside it.",
    Plane.gradient,
    axes=_axes,
    exact=False,  # sums over many threads go into both directions
    found=("eigenvalue", "residual"),
)
