"""Planes made from planes: turned towards a third direction, or set around an earlier configuration."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ..checks import InputError, finite, matching
from ..parameters import vectors
from ..parameters.vectors import Vector
from . import directions

if TYPE_CHECKING:
    from .plane import Plane


VANISHED = 1e-12  # share of the lengths of both parts; less is what rounding leaves of nothing


def turned(plane: Plane, angle: float, third: Mapping[str, Tensor] | None = None) -> Plane:
    """`plane` with d₂ turned towards a third direction; see `Plane.turned`."""
    if plane.is_line:
        raise InputError("A line has no second direction that could be turned: use a plane.")
    if not math.isfinite(angle):
        raise InputError(f"angle should be a finite number of degrees, but is {angle}.")
    if third is not None:
        matching(third, plane.origin, "The third direction")
        finite(dict(third), "Third direction")
    if angle == 0:
        return plane
    _check_turnable(plane)
    second, towards = plane.directions[1], third if third is not None else third_direction(plane)
    cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    mixed = {k: cos * vectors.wide(v) + sin * vectors.wide(towards[k].to(v.device)) for k, v in second.items()}
    parts = abs(cos) * vectors.norm(second) + abs(sin) * vectors.norm({k: towards[k] for k in second})
    if vectors.norm(mixed) <= VANISHED * parts:
        raise InputError(
            f"Turned by {angle:g}°, the second direction vanishes: choose another angle, or another third."
        )
    details = {**plane.details, "turn": angle}
    if third is not None:
        from ..parameters.hashing import tensor_digest  # here, because it knows of planes

        details["third"] = tensor_digest({k: third[k] for k in plane.origin})
    pair = (plane.directions[0], vectors.cast(_sized(mixed, plane), plane.origin))
    return replace(plane, directions=pair, details=details, explained=None)


def _check_turnable(plane: Plane) -> None:
    if plane.is_streamed:
        raise InputError(
            "This plane draws its directions anew at every point, and a turned one has to be held: make it by "
            "Plane.random(…, held=True), or leave it as it is."
        )
    if "turn" in plane.details:
        raise InputError(
            f"This plane is turned by {plane.details['turn']:g}° already: turn the one it was made from, by the whole angle."
        )


def third_direction(plane: Plane) -> Vector:
    """The direction that a plane is turned towards unless another is given, float64.

    A random plane has a third draw of its own seed, normalised as its first two. To any other plane it is a draw at a
    right angle, as long as d₂.
    """
    first, _ = plane.directions
    seed = int(plane.details.get("seed", 0))
    drawn = {k: v.to(plane.origin[k].device) for k, v in third_draw(plane.origin, seed).items()}
    if plane.kind == "random":
        if plane.details["orthogonal"]:
            drawn = directions.orthogonalized(drawn, directions.gaussian_pair(plane.origin, seed)[0])
        how, ignore = plane.details["normalize"], plane.details["ignore"]
        return directions.normalized(drawn, plane.origin, how, ignore, plane.filters)
    a, b = (
        sum(plane.inverse_gram[i, j] * vectors.dot(drawn, d) for j, d in enumerate(plane.directions)) for i in (0, 1)
    )
    beside = {k: v - a * vectors.wide(first[k]) - b * vectors.wide(plane.directions[1][k]) for k, v in drawn.items()}
    length = vectors.norm(plane.directions[1])
    return {k: length * v for k, v in directions.unit(beside, "part of a third direction beside the plane").items()}


def third_draw(parameters: Mapping[str, Tensor], seed: int) -> Vector:
    """The draw after the two of `directions.gaussian_pair` under the same seed."""
    generator = torch.Generator().manual_seed(seed)
    for _ in range(3):
        drawn = {k: vectors.gaussian(v.shape, generator, v) for k, v in parameters.items()}
    return drawn


def _sized(mixed: Vector, plane: Plane) -> Vector:
    """A turned direction with the lengths that d₂ had: of each filter where filters are normalised, else as a whole."""
    how = plane.details.get("normalize")
    if plane.kind == "random" and how in ("filter", "layer", "product"):
        return directions.normalized(mixed, plane.origin, how, plane.details["ignore"], plane.filters)
    if plane.kind == "random":
        return mixed  # draws of unit variance stay so, times the weights or not
    length = vectors.norm(plane.directions[1])
    return {k: length * v for k, v in directions.unit(mixed, "turned direction").items()}
