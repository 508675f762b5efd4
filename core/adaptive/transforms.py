"""Monotone transforms under which values between measured points are interpolated (Box & Cox 1964)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

POSITIVE = ("1", "0.5", "0.25", "log")  # powers, and the power 0
SIGNED = ("1", "asinh")


@dataclass(frozen=True)
class Transform:
    """A monotone map and its inverse."""

    there: Callable[[np.ndarray], np.ndarray]
    back: Callable[[np.ndarray], np.ndarray]


def transform(name: str, unit: float) -> Transform:
    """A transform by its name; `unit` is asinh's.

    >>> [round(float(transform(n, 2.0).back(transform(n, 2.0).there(np.array(3.0)))), 9) for n in (*POSITIVE, "asinh")]
    [3.0, 3.0, 3.0, 3.0, 3.0]
    """
    if name == "log":
        return Transform(np.log, lambda v: np.exp(np.minimum(v, 700.0)))
    if name == "asinh":
        return Transform(lambda v: np.arcsinh(v / unit), lambda v: unit * np.sinh(np.clip(v, -700.0, 700.0)))
    power = float(name)
    if power == 1:
        return Transform(lambda v: v, lambda v: v)
    return Transform(lambda v: v**power, lambda v: np.maximum(v, 0.0) ** (1 / power))


def transforms_for(values: np.ndarray) -> tuple[str, ...]:
    """The names that fit values: powers where all are positive."""
    return POSITIVE if bool((values > 0).all()) else SIGNED
