"""Readouts that were measured on a coarser grid than the terrain, interpolated onto the terrain's for drawing."""

from __future__ import annotations

import numpy as np
import scipy
import xarray as xr

from .grid import finest_complete


def filled(land: xr.Dataset) -> xr.Dataset:
    """`land` with every readout at every point: those of the costly stages are interpolated from the points measured.

    From the finest grid of which every point is measured, by monotone cubics along one axis and then the other (Fritsch
    & Carlson 1980; in the logarithm where the readout is drawn so and is positive), so that nothing rings; classes take
    the nearest point's, and between values that are not finite it is linear. A readout of which not even a coarse grid is
    measured is left out. `attrs["measured_on"]` says how many points there were, "7 × 7".

    >>> axis = np.linspace(0, 1, 9)
    >>> land = xr.Dataset({"v": (("alpha", "beta"), axis[:, None] + axis, {"stage": "curvature"})}, {"alpha": axis, "beta": axis})
    >>> coarse = np.zeros((9, 9), bool); coarse[::2, ::2] = True
    >>> found = filled(land.where(coarse).assign(measured_curvature=(("alpha", "beta"), coarse)))["v"]
    >>> bool(abs(found - land["v"]).max() < 1e-12), found.attrs["measured_on"]
    (True, '5 × 5')
    """
    gone, spread = [], {}
    refined = land.lossnav.adaptive  # those are everywhere already, by their own measure
    levels = {
        name.removeprefix("measured_"): finest_complete(land[name].values)
        for name in map(str, land.data_vars)
        if name.startswith("measured_")
    }
    for name in map(str, land.data_vars):
        stage = land[name].attrs.get("stage", "")
        if stage not in levels or stage in refined:
            continue
        level = levels[stage]
        if level is None:
            gone.append(name)
        elif len(level[0]) * len(level[1]) < land[name].size:
            said = {**land[name].attrs, "measured_on": f"{len(level[0])} × {len(level[1])}"}
            spread[name] = (land[name].dims, _spread(land, name, *level), said)
    return land.drop_vars(gone).assign(spread)  # at once: one by one, each compares itself with all the others


def _spread(land: xr.Dataset, name: str, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    values = land[name].values[np.ix_(rows, columns)]
    axes = [(land[axis].values[kept], land[axis].values) for axis, kept in (("alpha", rows), ("beta", columns))]
    if "labels" in land[name].attrs:
        near = [np.abs(fine[:, None] - coarse).argmin(1) for coarse, fine in axes]
        nearest: np.ndarray = values[np.ix_(*near)]
        return nearest
    logarithmic = land[name].attrs.get("scale") == "log" and bool((values > 0).all())
    if logarithmic:
        values = np.log(values)
    spread = _smooth(values, axes) if np.isfinite(values).all() else _applied(values, axes)
    return np.exp(spread) if logarithmic else spread


def _smooth(values: np.ndarray, axes: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    for axis, (coarse, fine) in enumerate(axes):
        if len(coarse) > 1:
            values = scipy.interpolate.PchipInterpolator(coarse, values, axis=axis)(fine)
    return values


def _weights(coarse: np.ndarray, fine: np.ndarray) -> np.ndarray:
    """(fine, coarse): how much each coarse value counts at each fine place, linearly."""
    if len(coarse) == 1:
        return np.ones((len(fine), 1))
    return np.stack([np.interp(fine, coarse, row) for row in np.eye(len(coarse))], 1)


def _applied(values: np.ndarray, axes: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """Linear along both axes, where a value that is no number spoils only the places that it counts at."""
    first, second = (_weights(coarse, fine) for coarse, fine in axes)
    plain = np.where(np.isfinite(values), values, 0.0)
    spread: np.ndarray = first @ plain @ second.T
    used = [np.abs(weights) > 1e-12 for weights in (first, second)]
    for bad in (np.nan, np.inf, -np.inf):
        here = np.isnan(values) if np.isnan(bad) else values == bad
        if here.any():
            reached = (used[0].astype(float) @ here @ used[1].T.astype(float)) > 0
            spread = np.where(reached, bad, spread)
    return spread
