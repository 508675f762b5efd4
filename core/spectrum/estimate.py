"""An estimated number with its standard error."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Estimate:
    """A number and its standard error, in the number's own unit."""

    value: float
    standard_error: float


def mean_estimate(values: Tensor) -> Estimate:
    """Mean of independent values (m,) with its standard error; NaN where m = 1."""
    error = float(values.std() / len(values) ** 0.5) if len(values) > 1 else float("nan")
    return Estimate(float(values.mean()), error)
