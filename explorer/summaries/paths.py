"""Paths of several trainings as JSON, for the page and for other programs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from lossnav.core.walk import TrainingPath

NUMBERS = ("step", "loss", "alpha", "beta", "off_plane")


def paths_as_json(paths: Mapping[str, TrainingPath]) -> dict[str, Any]:
    """The paths, ready for JSON; a number that is not finite is null.

    >>> one, nowhere = np.array([1]), np.array([np.inf])
    >>> written = paths_as_json({"b.py": TrainingPath("b", one, nowhere, one, one, one)})
    >>> written["paths"][0]["target"], written["paths"][0]["loss"]
    ('b.py', [None])
    >>> paths_of_json(written)["b.py"].loss.tolist()
    [nan]
    """
    return {
        "paths": [
            {
                "target": target,
                "name": path.name,
                **{name: [_plain(value) for value in getattr(path, name).tolist()] for name in NUMBERS},
            }
            for target, path in paths.items()
        ]
    }


def paths_of_json(content: Mapping[str, Any]) -> dict[str, TrainingPath]:
    """The inverse."""
    return {
        each["target"]: TrainingPath(each["name"], *(np.array(each[name], float) for name in NUMBERS))
        for each in content["paths"]
    }


def _plain(value: float) -> float | None:
    return value if math.isfinite(value) else None
