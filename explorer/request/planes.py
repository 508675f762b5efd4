"""The plane that is asked for, and its span."""

from __future__ import annotations

from dataclasses import replace

from lossnav.core import InputError, Plane, Problem
from lossnav.core.plane import Span
from lossnav.core.problem import at_checkpoint

from .survey import SurveyRequest


def make_plane(problem: Problem, asked: SurveyRequest) -> Plane:
    """The plane that was asked for, around a checkpoint where `asked.centre` says so, and turned.

    Raises
    ------
    InputError  an unknown name or value, or a plane that the problem does not allow
    """
    kind, centre = asked.kind, asked.centre
    if centre is not None and not kind.around:
        raise InputError(
            f"A {kind.name} plane lies where its networks are, not around a checkpoint: leave out --centre, or choose "
            f"them by --{kind.parameters[0].name}."
        )
    around = problem if centre is None else at_checkpoint(problem, centre)
    made = Plane.make(kind.name, around, **asked.values)
    placed = made if centre is None else replace(made, details={**made.details, "centre": centre})
    return placed.turned(asked.turn) if asked.turn else placed


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
