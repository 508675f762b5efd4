"""Leading eigenvectors of the Hessian at θ₀."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from ...problem.problem import Problem
from ..curvature_directions import eigenvectors
from ..plane import Plane
from .protocol import Axes, Axis, PlaneKind


def eigen_plane(problem: Problem, which: tuple[str, str] = ("top", "second"), seed: int = 0) -> Plane:
    """See `Plane.eigen`."""
    first, second, details = eigenvectors(problem, which, seed)
    return Plane.around(problem.parameters, first, second, "eigen", details)


def _axes(facts: Mapping[str, Any]) -> Axes:
    second = (facts.get("which") or ("top", "second"))[1]
    return Axis("top eigenvector"), Axis(f"{second} eigenvector")


def _kind(second: str, title: str, text: str) -> PlaneKind:
    make = partial(Plane.eigen, which=("top", second))
    return PlaneKind(
        f"eigen-{'top' if second == 'second' else second}",
        title,
        text,
        make,
        axes=_axes,
        stored="eigen",
        exact=False,  # sums over many threads go into them
        found=("eigenvalues", "residuals"),
    )


EIGEN = (
    _kind("second", "Top two eigenvectors", "The two directions of largest curvature at the trained network."),
    _kind("bottom", "Top and bottom eigenvectors", "The directions of largest and of most negative curvature."),
)
