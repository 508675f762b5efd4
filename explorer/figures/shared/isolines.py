"""Contour lines as polylines, for drawing them on the 3-D surface."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from contourpy import LineType, contour_generator
from scipy.interpolate import RegularGridInterpolator

from .picture import Layer


def isolines(land: xr.Dataset, layer: Layer, count: int = 7) -> tuple[np.ndarray, np.ndarray]:
    """Contour lines of a layer at about `count` levels, as (α, β) with NaN between lines."""
    if min(land.sizes["alpha"], land.sizes["beta"]) < 2:
        return np.empty(0), np.empty(0)
    values = land[layer.variable].values
    heights = layer.scale.apply(values)
    lines: list[tuple[np.ndarray, Any]]
    if layer.scale.kind == "class":  # the border of each class: half-way between in it and not
        lines = [(np.where(np.isnan(heights), np.nan, heights == k), [0.5]) for k in layer.scale.classes(values)]
    else:
        lines = [(heights, layer.scale.levels(values, count)[0])]
    pieces = [piece for surface, levels in lines for piece in _pieces(land, surface, levels)]
    gap = np.full((1, 2), np.nan)
    joined = np.concatenate([part for piece in pieces for part in (piece, gap)]) if pieces else np.empty((0, 2))
    return joined[:, 0], joined[:, 1]


def _pieces(land: xr.Dataset, surface: np.ndarray, levels: Any) -> list[np.ndarray]:
    generator = contour_generator(
        land["alpha"].values,
        land["beta"].values,
        np.ma.masked_invalid(surface).T,
        line_type=LineType.ChunkCombinedNan,
    )
    return [points for level in levels for points in generator.lines(level)[0] if points is not None]


def heights_at(land: xr.Dataset, layer: Layer, alpha: np.ndarray, beta: np.ndarray) -> np.ndarray:
    """The layer's drawn height at any points of the plane, linear between grid points; NaN outside."""
    grid = (land["alpha"].values, land["beta"].values)
    heights = layer.scale.apply(land[layer.variable].values)
    return np.asarray(RegularGridInterpolator(grid, heights, bounds_error=False)(np.column_stack([alpha, beta])))
