"""Paths of several trainings as JSON, for the page, for figures and for other programs."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from lossnav.core.plane.kinds import kind_stored
from lossnav.core.walk import TrainingPath

from ..figures.shared.walks import DrawnWalk

NUMBERS = ("step", "loss", "alpha", "beta", "off_plane")
_COLOR = re.compile(r"#[0-9A-Fa-f]{6}")
ROUNDED = 1e-4  # of a number of a plane: what differs by less is rounding


def paths_as_json(paths: Mapping[str, TrainingPath], plane: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The paths, ready for JSON; a number that is not finite is null.

    plane  the identity of the plane that they are seen on, as a landscape has it; None: not known

    >>> one, nowhere = np.array([1]), np.array([np.inf])
    >>> written = paths_as_json({"b.py": TrainingPath("b", one, nowhere, one, one, one)})
    >>> written["paths"][0]["target"], written["paths"][0]["loss"]
    ('b.py', [None])
    >>> paths_of_json(written)["b.py"].loss.tolist()
    [nan]
    """
    return {
        "plane": None if plane is None else dict(plane),
        "paths": [
            {
                "target": target,
                "name": path.name,
                **{name: [_plain(value) for value in getattr(path, name).tolist()] for name in NUMBERS},
            }
            for target, path in paths.items()
        ],
    }


def paths_of_json(content: Mapping[str, Any]) -> dict[str, TrainingPath]:
    """The inverse."""
    return {
        each["target"]: TrainingPath(each["name"], *(np.array(each[name], float) for name in NUMBERS))
        for each in content["paths"]
    }


def walks_as_json(walks: Sequence[DrawnWalk], plane: Mapping[str, Any]) -> dict[str, Any]:
    """Walks and trainings as they are drawn, ready for JSON as `paths_as_json` writes it, each with its colour besides.

    >>> walk = DrawnWalk("SAM, seed 3", "#E8730C", (0, 5), (0.0, 1.0), (0.0, 0.5), (2.0, float("inf")), (0.0, 0.1))
    >>> walks_of_json(walks_as_json([walk], {"kind": "random"}))[0].color
    '#E8730C'
    """
    paths = {walk.name: TrainingPath(walk.name, *map(np.array, _numbers(walk))) for walk in walks}
    written = paths_as_json(paths, plane)
    for each, walk in zip(written["paths"], walks, strict=True):
        each["color"] = walk.color
    return written


def walks_of_json(content: Mapping[str, Any]) -> tuple[DrawnWalk, ...]:
    """The trainings and walks of either, as they are drawn; a colour that is none is left out."""
    drawn = [DrawnWalk.of_training(path, name, k) for k, (name, path) in enumerate(paths_of_json(content).items())]
    colors = [each.get("color") for each in content["paths"]]
    return tuple(
        replace(walk, color=color) if isinstance(color, str) and _COLOR.fullmatch(color) else walk
        for walk, color in zip(drawn, colors, strict=True)
    )


def _numbers(walk: DrawnWalk) -> tuple[tuple[float, ...], ...]:
    return walk.step, walk.loss, walk.alpha, walk.beta, walk.off


def same_plane(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two identities are of one plane: by the bytes of its vectors, or, as sums differ in their last bits between machines,
    by how it was made and all that was found of it: lengths, angle, shares of the path, eigenvalues.

    >>> made = {"kind": "trajectory", "explained": [0.9, 0.1], "gram": [[1.0, 0.0], [0.0, 1.0]], "vectors": "ab"}
    >>> elsewhere = {**made, "vectors": "cd", "gram": [[1.0, 1e-9], [1e-9, 1.0]]}
    >>> same_plane(made, elsewhere), same_plane(made, {**elsewhere, "explained": [0.8, 0.1]})
    (True, False)
    """
    if not one or not other:
        return False
    if one.get("vectors") == other.get("vectors"):
        return True
    kind = kind_stored(one.get("kind", ""))
    left = {"vectors", "cosine", "residual", "residuals", *(kind.called if kind else ())}
    return _alike(*({name: value for name, value in each.items() if name not in left} for each in (one, other)))


def _alike(one: Any, other: Any) -> bool:
    """Whether two parts of JSON are the same, their fractions as far as another machine's rounding goes."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_alike(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_alike, one, other))
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=ROUNDED, abs_tol=ROUNDED)
    return bool(one == other)


def _plain(value: float) -> float | None:
    return value if math.isfinite(value) else None
