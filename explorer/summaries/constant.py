"""A landscape in which nothing moves the loss: outputs times zero, parameters that it does not depend on, too small a span."""

from __future__ import annotations

import numpy as np
import xarray as xr

from ..figures.shared.picture import measured_mask

ROUNDING = 4 * float(np.finfo(np.float32).eps)  # relative, by which the same loss may come out otherwise
CONSTANT = "The loss is the same at every measured point, to rounding: nothing in this plane moves it."
ADVICE = (
    "Run lossnav check, which says whether the loss depends on these parameters at all; where it does, survey a larger span "
    "(--zoom 10)."
)


def is_constant(land: xr.Dataset) -> bool:
    """Whether two or more points are measured, and all finite losses are one number.

    >>> axes = {"alpha": [0.0, 1.0], "beta": [0.0]}
    >>> is_constant(xr.Dataset({"loss": (("alpha", "beta"), [[0.5], [0.5]])}, axes))
    True
    >>> is_constant(xr.Dataset({"loss": (("alpha", "beta"), [[0.5], [0.6]])}, axes))
    False
    """
    if "loss" not in land:
        return False
    values, mask = land["loss"].values.astype(float), measured_mask(land, "loss")
    losses = values[np.isfinite(values) & (land[mask].values if mask else True)]
    return losses.size > 1 and float(np.ptp(losses)) <= ROUNDING * float(np.abs(losses).max())


def constant_sentences(land: xr.Dataset) -> list[str]:
    """The sentence where it is so."""
    return [f"{CONSTANT} {ADVICE}"] if is_constant(land) else []
