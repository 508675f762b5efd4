"""A landscape of very many points as it is drawn on a screen: fewer rows and columns, the same ends, extremes, marks and holes.

Numbers and exports come from all points; a screen has fewer pixels than such a grid has points, and a browser takes seconds
to draw what nobody can see.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import xarray as xr

from .picture import ARROWS, Layer, Picture, minimum

MOST = 201  # rows, and columns, up to which everything is drawn
THINNED = 131  # at most so many evenly spaced ones of more: a pixel or three apart, and half the drawing
AXES = ("alpha", "beta")


def decimated(land: xr.Dataset, picture: Picture) -> tuple[xr.Dataset, Picture]:
    """A thinner `land` to draw, and its picture, whose axes and colours still cover every point.

    Kept are evenly spaced rows and columns, the outermost, and those of the centre, of the picked point, of the lowest point
    and of both extremes of everything that is drawn. A place whose loss is no number stays a hole: where it is left out, the
    nearest place that is drawn becomes one.
    """
    if max(land.sizes[axis] for axis in AXES) <= MOST:
        return land, picture
    rows, columns = (np.array(sorted(set(found))) for found in zip(*_worth_keeping(land, picture), strict=True))
    kept = [np.union1d(_even(land.sizes[axis]), found) for axis, found in zip(AXES, (rows, columns), strict=True)]
    part = land[_needed(land, picture)].isel(alpha=kept[0], beta=kept[1])
    return _with_holes(part, land, kept), _covering(land, picture)


def decimation_text(land: xr.Dataset) -> str | None:
    """How much of a landscape is drawn, in a sentence; None where all of it is.

    >>> axis = np.linspace(-1, 1, 513)
    >>> decimation_text(xr.Dataset(coords={"alpha": axis, "beta": axis}))
    'Drawn: about 129 × 129 of 513 × 513 points. Numbers and exports are of all points.'
    """
    sizes = [land.sizes[axis] for axis in AXES]
    if max(sizes) <= MOST:
        return None
    drawn = " × ".join(str(len(_even(size))) for size in sizes)
    return f"Drawn: about {drawn} of {sizes[0]} × {sizes[1]} points. Numbers and exports are of all points."


def _needed(land: xr.Dataset, picture: Picture) -> list[str]:
    """The variables that a figure reads: the loss, whose holes are everybody's, its layers, arrows, and what is no grid."""
    read = {
        "loss",
        *(layer.variable for layer in _layers(picture)),
        *(v for name in picture.arrows for v in ARROWS[name]),
    }
    return [str(name) for name, values in land.data_vars.items() if name in read or values.dims != AXES]


def _even(size: int) -> np.ndarray:
    step = -(-(size - 1) // (THINNED - 1)) if size > MOST else 1
    return np.union1d(np.arange(0, size, step), [size - 1])


def _worth_keeping(land: xr.Dataset, picture: Picture) -> list[tuple[int, int]]:
    """Cells whose row and column are drawn whatever the spacing."""
    points = [(0.0, 0.0), *([picture.point] if picture.point is not None else [])]
    first, second = (land[axis].values for axis in AXES)
    cells = [(int(np.abs(first - a).argmin()), int(np.abs(second - b).argmin())) for a, b in points]
    for variable in dict.fromkeys(layer.variable for layer in _layers(picture)):
        values = land[variable].values
        if land[variable].dims == AXES and np.isfinite(values).any():
            finite = np.where(np.isfinite(values), values, np.nan)
            ends = (np.unravel_index(find(finite), values.shape) for find in (np.nanargmin, np.nanargmax))
            cells += [(int(row), int(column)) for row, column in ends]
    lowest = minimum(land, picture.elevation.variable)
    return cells if lowest is None else [*cells, lowest]


def _layers(picture: Picture) -> list[Layer]:
    return [picture.elevation, picture.color, *picture.lines]


def _covering(land: xr.Dataset, picture: Picture) -> Picture:
    """The picture with layers that reach as far as all points do."""

    def covering(layer: Layer) -> Layer:
        if layer.scale.kind == "class":
            return layer
        return replace(layer, reach=layer.limits(land[layer.variable].values))

    lines = tuple(covering(layer) for layer in picture.lines)
    return replace(picture, elevation=covering(picture.elevation), color=covering(picture.color), lines=lines)


def _with_holes(part: xr.Dataset, land: xr.Dataset, by_axis: list[np.ndarray]) -> xr.Dataset:
    holes = np.argwhere(~np.isfinite(land["loss"].values))
    if not len(holes):
        return part
    near = [np.abs(indices[:, None] - holes[:, axis]).argmin(0) for axis, indices in enumerate(by_axis)]
    hole = np.zeros((part.sizes["alpha"], part.sizes["beta"]), bool)
    hole[near[0], near[1]] = True
    numbers = [
        name
        for name, values in part.data_vars.items()
        if values.dims == AXES and np.issubdtype(values.dtype, np.floating)
    ]
    return part.assign({name: part[name].where(~hole) for name in numbers})
