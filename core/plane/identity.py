"""The identity of a plane: how it was made, and the hash of its vectors."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..parameters.hashing import _enter
from .kinds import kind_stored
from .plane import Plane


def plane_digest(plane: Plane, names: Sequence[str]) -> str:
    """`tensor_digest` of θ₀ and as many of the directions as there are further names, each tensor under "name/…"."""
    total = hashlib.sha256()
    for word, vector in zip(names, (plane.origin, *plane.directions), strict=False):
        for name, theta in plane.origin.items():
            _enter(total, f"{word}/{name}", theta, vector)
    return total.hexdigest()


def plane_identity(plane: Plane) -> dict[str, Any]:
    """How a plane was made and the hash of its vectors, ready for JSON."""
    cosine = plane.cosine if math.isfinite(plane.cosine) else None
    return {
        "kind": plane.kind,
        **plane.details,
        "cosine": cosine,
        "explained": None if plane.explained is None else list(plane.explained),
        "gram": plane.gram.tolist(),
        "vectors": plane_digest(plane, "o12"),
    }


CALLED = ("centre",)  # a place's name; θ₀'s own bytes say which it is


def plane_recipe(plane: Plane) -> dict[str, Any]:
    """The recipe that identifies a plane, ready for JSON, whatever the number of threads it was made with.

    Every detail counts but those that the plane's kind lists as `found` or `called`. Sums over many threads differ in their last bits:
    directions that such sums go into (eigenvectors, the gradient, lengths) count by how they were made and by their lengths
    to four digits; the others, and θ₀, by their bytes.
    """
    kind = kind_stored(plane.kind)
    left, exact = ((), True) if kind is None else (kind.found + kind.called, kind.exact)
    return {
        "kind": plane.kind,
        **{name: value for name, value in plane.details.items() if name not in (*left, *CALLED)},
        "lengths": [f"{length:.3e}" for length in np.sqrt(np.diag(plane.gram))],
        "vectors": plane_digest(plane, "o01" if exact else "o"),
    }
