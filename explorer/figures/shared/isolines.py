"""Contour lines as polylines, for drawing them on the 3-D surface."""

from __future__ import annotations

import numpy as np
import xarray as xr
from contourpy import LineType, contour_generator
from scipy.interpolate import RegularGridInterpolator

from .picture import Layer


def isolines(land: xr.Dataset, layer: Layer, count: int = 7) -> tuple[np.ndarray, np.ndarray]:
    """Contour lines of a layer at about `count` levels, as (α, β) with NaN between lines."""
    gap = np.full((1, 2), np.nan)
    pieces = [part for _, line in level_lines(land, layer, count) for part in (line, gap)]
    joined = np.concatenate(pieces) if pieces else np.empty((0, 2))
    return joined[:, 0], joined[:, 1]


def level_lines(land: xr.Dataset, layer: Layer, count: int) -> list[tuple[str, np.ndarray]]:
    """For each level that has lines its value as text, and the lines as (n, 2), NaN between them; of classes their borders."""
    if min(land.sizes["alpha"], land.sizes["beta"]) < 2:
        return []
    values = land[layer.variable].values
    heights = layer.scale.apply(values)
    surfaces: list[tuple[str, np.ndarray, float]]
    if layer.scale.kind == "class":  # the border of each class: half-way between in it and not
        inside = {k: np.where(np.isnan(heights), np.nan, heights == k) for k in layer.scale.classes(values)}
        surfaces = [(layer.scale.labels[k], surface, 0.5) for k, surface in inside.items()]
    else:
        surfaces = [
            (text, heights, float(level)) for level, text in zip(*layer.scale.levels(values, count), strict=True)
        ]
    lines = [(text, _line_at(land, surface, level)) for text, surface, level in surfaces]
    return [(text, line) for text, line in lines if line is not None]


def _line_at(land: xr.Dataset, surface: np.ndarray, level: float) -> np.ndarray | None:
    generator = contour_generator(
        land["alpha"].values,
        land["beta"].values,
        np.ma.masked_invalid(surface).T,
        line_type=LineType.ChunkCombinedNan,
    )
    points: np.ndarray | None = generator.lines(level)[0][0]
    return points


def heights_at(land: xr.Dataset, layer: Layer, alpha: np.ndarray, beta: np.ndarray) -> np.ndarray:
    """The layer's drawn height at any points of the plane, linear between grid points; NaN outside."""
    grid = (land["alpha"].values, land["beta"].values)
    heights = layer.scale.apply(land[layer.variable].values)
    return np.asarray(RegularGridInterpolator(grid, heights, bounds_error=False)(np.column_stack([alpha, beta])))
