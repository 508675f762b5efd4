"""The kinds of planes that can be asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from lossnav.core import InputError, Plane, Problem
from lossnav.core.checks import known
from lossnav.core.plane.plane import Span
from lossnav.core.problem.problem import at_checkpoint

from .survey import SurveyRequest

# name → (title, what it shows)
PLANES: dict[str, tuple[str, str]] = {
    "random": ("Random directions", "Two random directions around the trained network, scaled to its filters."),
    "trajectory": ("Training path (PCA)", "The two principal components of the training path."),
    "eigen-top": ("Top two eigenvectors", "The two directions of largest curvature at the trained network."),
    "eigen-bottom": ("Top and bottom eigenvectors", "The directions of largest and of most negative curvature."),
    "gradient": ("Gradient and top eigenvector", "The gradient, and the direction of largest curvature beside it."),
}


def make_plane(problem: Problem, asked: SurveyRequest) -> Plane:
    """The plane that was asked for, around a checkpoint where `asked.centre` says so, and turned.

    Raises
    ------
    InputError  an unknown name, or a plane that the problem does not allow
    """
    centre, ignore = asked.centre, None if asked.ignore == "none" else asked.ignore
    if centre is not None:
        problem = at_checkpoint(problem, centre)
    makers: dict[str, Callable[[], Plane]] = {
        "random": lambda: Plane.random(problem, asked.seed, asked.normalize, ignore, asked.orthogonal),
        "trajectory": lambda: Plane.trajectory(problem),
        "eigen-top": lambda: Plane.eigen(problem, ("top", "second")),
        "eigen-bottom": lambda: Plane.eigen(problem, ("top", "bottom")),
        "gradient": lambda: Plane.gradient(problem),
    }
    made = makers[known(asked.plane, makers, "plane")]()
    placed = made if centre is None else replace(made, details={**made.details, "centre": centre})
    return placed.turned(asked.turn)


def zoomed(span: Span, zoom: float) -> Span:
    """A span grown or shrunk by `zoom` about its middle.

    >>> zoomed(((-1.0, 1.0), (0.0, 2.0)), 2.0)
    ((-2.0, 2.0), (-1.0, 3.0))

    Raises
    ------
    InputError  a zoom that is not positive
    """
    if not zoom > 0:
        raise InputError(f"--zoom should be a positive number, but is {zoom:g}: 2 shows twice the plane's own span.")
    if zoom == 1:
        return span  # to the last digit
    (a, b), (c, d) = span
    return (_grown(a, b, zoom), _grown(c, d, zoom))


def _grown(low: float, high: float, zoom: float) -> tuple[float, float]:
    middle, half = (low + high) / 2, zoom * (high - low) / 2
    return middle - half, middle + half
