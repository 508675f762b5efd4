"""An estimated number with its standard error."""

from __future__ import annotations

from dataclasses import dataclass

import scipy
from torch import Tensor

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Estimate:
    """A number and its standard error, in the number's own unit."""

    value: float
    standard_error: float


def mean_estimate(values: Tensor) -> Estimate:
    """Mean of independent values (m,) with its standard error; NaN where m = 1."""
    error = float(values.std() / len(values) ** 0.5) if len(values) > 1 else float("nan")
    return Estimate(float(values.mean()), error)


def student(degrees: float) -> float:
    """How many standard errors at so many degrees of freedom a 95 % interval reaches to either side.

    >>> round(student(3), 3), round(student(1e9), 3)
    (3.182, 1.96)
    """
    return float(scipy.special.stdtrit(degrees, (1 + CONFIDENCE) / 2)) if degrees > 0 else float("nan")
