"""The picture between the measured points of an adaptive survey, with its error."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import xarray as xr
from scipy.ndimage import distance_transform_edt

from .calibration import Experience
from .error_estimate import Appraisal, Places, appraise
from .tolerance import Tolerance


def scales_of(variable: xr.DataArray, scale: str, heights: Collection[str] = ("loss",)) -> tuple[str, ...]:
    """The scales that a readout's error counts on: the one it is drawn on; `heights` on the one that the tolerance says."""
    if variable.name in heights:
        return ("linear",) if scale == "linear" else ("linear", "log")
    return (str(variable.attrs.get("scale", "linear")),)


def interpolated(
    land: xr.Dataset,
    refined: Mapping[str, Any],
    tolerance: Tolerance,
    rough: Mapping[str, Any] | None = None,
    heights: Collection[str] = ("loss",),
) -> tuple[xr.Dataset, dict[str, Any]]:
    """`land` with every readout of the refined stages at every point, and `<name>_error` beside it.

    Parameters
    ----------
    land       NaN where nothing is measured; `measured` and `measured_<stage>` say where
    refined    stage → what was learned while refining it
    rough      stage → what is said of its first look, where `land` holds only that
    heights    readouts that are drawn as the loss is, on the scale that the tolerance says

    Returns
    -------
    The dataset, and what is said of it, ready for JSON: {"tolerance": …, stage: {"measured": 97, "of": 4225, "error": 0.006}};
    the error is the largest of those readouts that decided where to measure, a share of the drawn range, and "errors" has each
    readout's own. Of a first look
    nothing counts as measured, no error is known, and "glance" says {"points": 9, "examples": 128}.
    """
    land = land.copy()
    said: dict[str, Any] = {"tolerance": tolerance.as_json()}
    for stage, about in (rough or {}).items():
        land, said[stage] = _looked_at(land, stage, about, tolerance, heights)
    for stage, lesson in refined.items():
        if stage in said:
            continue
        measured = land["measured" if stage == "forward" else f"measured_{stage}"].values
        complete = bool(measured.all())
        said[stage] = {
            "measured": int(measured.sum()),
            "of": measured.size,
            "error": 0.0 if complete else lesson["error"],
        }
        if complete or not measured.any():
            continue
        said[stage]["errors"] = _fill(land, stage, measured, lesson, tolerance, heights)
    return land, said


def _looked_at(
    land: xr.Dataset, stage: str, about: dict[str, Any], tolerance: Tolerance, heights: Collection[str]
) -> tuple[xr.Dataset, dict[str, Any]]:
    """`land` with what a first look shows of a stage, and what is said of it."""
    name = f"measured_{stage}"
    measured = land[name].values
    _fill(land, stage, measured, {"readouts": {}}, tolerance, heights)
    land[name] = xr.zeros_like(land[name])
    for variable in map(str, land.data_vars):
        if land[variable].attrs.get("stage") != stage:
            continue
        if variable.endswith("_error"):
            land[variable] = land[variable].copy(data=np.full(measured.shape, np.inf))
        elif "error_of" not in land[variable].attrs:
            land[variable].attrs["measured_on"] = f"{about['points']} rough"
    return land, {"measured": 0, "of": measured.size, "error": None, "glance": about}


def _fill(
    land: xr.Dataset,
    stage: str,
    measured: np.ndarray,
    lesson: Mapping[str, Any],
    tolerance: Tolerance,
    heights: Collection[str],
) -> dict[str, float]:
    """Fill the readouts of a stage in; returns the largest finite error of each, as a share of what is drawn of it."""
    names = [str(v) for v in land.data_vars if land[v].attrs.get("stage") == stage and "error_of" not in land[v].attrs]
    names = [
        name for name in names if np.isnan(land[name].values[~measured]).all()
    ]  # closed forms are known everywhere
    classes = [name for name in names if "labels" in land[name].attrs]
    for name in classes:
        indices = distance_transform_edt(~measured, return_distances=False, return_indices=True)
        land[name] = land[name].copy(data=land[name].values[tuple(indices)])
    quantities = [name for name in names if name not in classes]
    learned = lesson["readouts"]
    found = appraise(
        Places(measured),
        {name: land[name].values for name in quantities},
        {name: scales_of(land[name], tolerance.scale, heights) for name in quantities},
        None if learned is None else {name: Experience.from_json(each) for name, each in learned.items()},
        {"loss": tolerance.clip},
    )
    for name, appraisal in found.items():
        _put(land, name, appraisal)
    shares = {name: appraisal.shares[np.isfinite(appraisal.shares)] for name, appraisal in found.items()}
    return {name: float(finite.max(initial=0.0)) for name, finite in shares.items()}


def _put(land: xr.Dataset, name: str, appraisal: Appraisal) -> None:
    about = land[name].attrs
    land[name] = land[name].copy(data=appraisal.values)
    error = {
        "long_name": f"{about['long_name']}: estimated error of interpolation",
        "units": about["units"],
        "error_of": name,
        "stage": about["stage"],
    }
    land[f"{name}_error"] = (land[name].dims, appraisal.errors, error)
