"""What makes two planes the same: how they were made, and the hash of their vectors."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..parameters.hashing import _enter
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


EXACT_KINDS = ("random", "trajectory", "line")


def plane_recipe(plane: Plane) -> dict[str, Any]:
    """What makes two planes the same, ready for JSON, whatever the number of threads they were made with.

    Sums over many threads differ in their last bits. Directions that such sums go into (eigenvectors, the gradient,
    lengths) count by how they were made and by their lengths to four digits; the others, and θ₀, by their bytes.
    """
    names = ("seed", "which", "normalize", "ignore", "orthogonal", "turn", "third")
    return {
        "kind": plane.kind,
        **{name: plane.details[name] for name in names if name in plane.details},
        "lengths": [f"{length:.3e}" for length in np.sqrt(np.diag(plane.gram))],
        "vectors": plane_digest(plane, "o01" if plane.kind in EXACT_KINDS else "o"),
    }
