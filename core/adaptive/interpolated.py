"""The picture between the measured points of an adaptive survey, with its error."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import numpy as np
import scipy
import xarray as xr

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
    refined    stage → what is known of its refining: "deciding", the readouts that decide, "whole" where all was measured at once, and
               "most" where it ended at so many points, as no more could be afforded
    rough      stage → what is said of its first look, where `land` holds only that
    heights    readouts that are drawn as the loss is, on the scale that the tolerance says

    Returns
    -------
    The dataset, and what is said of it, ready for JSON: {"tolerance": …, stage: {"measured": 97, "of": 4225, "error": 0.006,
    "width": 0.17}}; the error is the largest of those readouts that decided where to measure, a share of the drawn range, and "errors" has each
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
        said[stage] = {"measured": int(measured.sum()), "of": measured.size, "error": 0.0 if complete else None}
        said[stage] |= {name: lesson[name] for name in ("whole", "most") if lesson.get(name)}
        if complete:
            _put_none(land, lesson.get("readouts") or ())
        if complete or not measured.any():
            continue
        shares = _fill(land, stage, measured, tolerance, heights)
        said[stage]["error"] = _largest(shares, lesson, traced=stage == "forward")
        said[stage]["width"] = Places(measured).width
        said[stage]["errors"] = {name: float(s[np.isfinite(s)].max(initial=0.0)) for name, s in shares.items()}
    return land, said


def _largest(shares: Mapping[str, np.ndarray], lesson: Mapping[str, Any], traced: bool) -> float | None:
    """The largest error of the readouts that decide; an older landscape does not say which these are: the loss, or all.

    traced  whether places between numbers and infinities were measured, so that the infinite error of those left counts
    """
    deciding = [name for name in lesson.get("deciding", ["loss"]) if name in shares] or list(shares)
    told = [shares[name] if traced else shares[name][np.isfinite(shares[name])] for name in deciding]
    largest = max((float(each.max(initial=0.0)) for each in told), default=0.0)
    return largest if np.isfinite(largest) else None


def _looked_at(
    land: xr.Dataset, stage: str, about: dict[str, Any], tolerance: Tolerance, heights: Collection[str]
) -> tuple[xr.Dataset, dict[str, Any]]:
    """`land` with what a first look shows of a stage, and what is said of it."""
    name = f"measured_{stage}"
    measured = land[name].values
    _fill(land, stage, measured, tolerance, heights)
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
    tolerance: Tolerance,
    heights: Collection[str],
) -> dict[str, np.ndarray]:
    """Fill the readouts of a stage in; returns the errors of each, as shares of what is drawn of it."""
    names = [str(v) for v in land.data_vars if land[v].attrs.get("stage") == stage and "error_of" not in land[v].attrs]
    names = [
        name for name in names if np.isnan(land[name].values[~measured]).all()
    ]  # closed forms are known everywhere
    classes = [name for name in names if "labels" in land[name].attrs]
    for name in classes:
        indices = scipy.ndimage.distance_transform_edt(~measured, return_distances=False, return_indices=True)
        land[name] = land[name].copy(data=land[name].values[tuple(indices)])
    quantities = [name for name in names if name not in classes]
    appraisals = appraise(
        Places(measured),
        {name: land[name].values for name in quantities},
        {name: scales_of(land[name], tolerance.scale, heights) for name in quantities},
        {"loss": tolerance.clip},
    )
    for name, appraisal in appraisals.items():
        _put(land, name, appraisal)
    return {name: appraisal.shares for name, appraisal in appraisals.items()}


def _put_none(land: xr.Dataset, names: Iterable[str]) -> None:
    """No error anywhere, as all is measured."""
    for name in set(names) & set(map(str, land.data_vars)):
        nowhere = np.zeros(land[name].shape)
        _put(land, name, Appraisal(land[name].values, nowhere, None))


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
