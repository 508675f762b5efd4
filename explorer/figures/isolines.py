"""Contour lines as polylines, for drawing them on the 3-D surface."""

from __future__ import annotations

import numpy as np
import xarray as xr
from contourpy import LineType, contour_generator
from scipy.interpolate import RegularGridInterpolator

from .picture import Layer


def isolines(land: xr.Dataset, layer: Layer, count: int = 7) -> tuple[np.ndarray, np.ndarray]:
    """Contour lines of a layer at about `count` levels, as (α, β) with NaN between lines."""
    if min(land.sizes["alpha"], land.sizes["beta"]) < 2:
        return np.empty(0), np.empty(0)
    heights = np.ma.masked_invalid(layer.scale.apply(land[layer.variable].values))
    levels, _ = layer.scale.levels(land[layer.variable].values, count)
    generator = contour_generator(
        land["alpha"].values, land["beta"].values, heights.T, line_type=LineType.ChunkCombinedNan
    )
    pieces = [points for level in levels for points in generator.lines(level)[0] if points is not None]
    gap = np.full((1, 2), np.nan)
    joined = np.concatenate([part for piece in pieces for part in (piece, gap)]) if pieces else np.empty((0, 2))
    return joined[:, 0], joined[:, 1]


def heights_at(land: xr.Dataset, layer: Layer, alpha: np.ndarray, beta: np.ndarray) -> np.ndarray:
    """The layer's drawn height at any points of the plane, linear between grid points; NaN outside."""
    grid = (land["alpha"].values, land["beta"].values)
    heights = layer.scale.apply(land[layer.variable].values)
    return np.asarray(RegularGridInterpolator(grid, heights, bounds_error=False)(np.column_stack([alpha, beta])))
