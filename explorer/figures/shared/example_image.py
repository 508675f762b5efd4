"""An example's input as a picture, where its numbers look like one."""

from __future__ import annotations

import json
import math

import numpy as np
import xarray as xr

SMALLEST_SIDE = 4
SHOWN = 96  # pixels along the longer side, at least


def as_image(values: np.ndarray, shape: tuple[int, ...], lowest: float, highest: float) -> np.ndarray | None:
    """Pixels (h, w) or (h, w, 3) of 0..255, enlarged without smoothing; None where the input is no image.

    Parameters
    ----------
    values           one example's input laid flat
    shape            its shape before: (h, w), (1, h, w), (3, h, w), or (d,) with d a square and no number below 0
    lowest, highest  over all examples: black and white

    >>> as_image(np.arange(16.0), (16,), 0.0, 15.0).shape
    (96, 96)
    >>> as_image(np.arange(15.0), (15,), 0.0, 15.0) is None
    True
    """
    pixels = _arranged(values, shape, lowest)
    if pixels is None or not highest > lowest:
        return None
    gray = np.clip(np.round(255 * (pixels - lowest) / (highest - lowest)), 0, 255).astype(np.uint8)
    times = max(1, -(-SHOWN // max(gray.shape[:2])))
    return gray.repeat(times, axis=0).repeat(times, axis=1)


def shows_inputs(examples: xr.Dataset) -> bool:
    """Whether an example of a density map is shown by its input: as a picture, or as tokens."""
    if "input" not in examples:
        return False
    values, about = examples["input"].values, examples["input"].attrs
    shape, ends = tuple(json.loads(about["shape"])), (float(values.min()), float(values.max()))
    return bool(about.get("tokens")) or as_image(values[0], shape, *ends) is not None


def _arranged(values: np.ndarray, shape: tuple[int, ...], lowest: float) -> np.ndarray | None:
    if len(shape) == 1:
        side = math.isqrt(shape[0])
        flat_image = side * side == shape[0] and side >= SMALLEST_SIDE and lowest >= 0
        return values.reshape(side, side) if flat_image else None
    if len(shape) == 2 or (len(shape) == 3 and shape[0] == 1):
        height, width = shape[-2:]
        return values.reshape(height, width) if min(height, width) >= SMALLEST_SIDE else None
    if len(shape) == 3 and shape[0] == 3 and min(shape[1:]) >= SMALLEST_SIDE:
        return values.reshape(shape).transpose(1, 2, 0)
    return None
