"""Places that are a stored survey's but for rounding are that survey's.

The ends of a plane's span may be sums over all weights (a training path's projections), whose last bits depend on the number
of threads and on the machine: the same survey asked for elsewhere goes on where the stored one is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from .points import MeasuredPoints

ROUNDING = 1e-9  # of the range; two grids that a person tells apart differ by far more
NAMES = ("alpha", "beta")


def at_stored_places(
    fresh: MeasuredPoints, spec: dict[str, Any], stored: Mapping[str, Any]
) -> tuple[MeasuredPoints, dict[str, Any]]:
    """A survey and its specification, at the places of a `stored` specification where these differ by no more than rounding."""
    if not all(same_but_for_rounding(spec[name], stored.get(name)) for name in NAMES):
        return fresh, spec
    there = {name: stored[name] for name in NAMES}
    plan = replace(fresh.plan, **{name: np.array(values, float) for name, values in there.items()})
    return replace(fresh, plan=plan), {**spec, **there}


def same_but_for_rounding(asked: list[float], stored: Any) -> bool:
    """Whether two axes have as many places, each where the other's is.

    >>> same_but_for_rounding([-1.0, 0.0, 1.0], [-1.0, 1e-17, 1.0 + 2e-16])
    True
    >>> same_but_for_rounding([-1.0, 0.0, 1.0], [-1.0, 0.0, 1.001])
    False
    """
    if not isinstance(stored, list) or len(stored) != len(asked):
        return False
    return bool(np.allclose(asked, stored, rtol=0.0, atol=ROUNDING * np.ptp(asked)))
