"""Whether a stored spectrum, spectra along a path or a coupling is one: valid JSON can hold what none of them says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import xarray as xr

from ..curvature.operators import KINDS
from .density import Spectrum

METHODS = ("exact", "slq")
ROUNDING = 1e-6  # of the largest eigenvalue, and of the weights' sum
LISTS = ("eigenvalues", "weights", "top", "residuals", "bottom", "bottom_residuals")
SWEEP, MATRIX = ("gamma", "rank"), ("layer", "other")


def refuse_unsound_spectrum(spectrum: Spectrum) -> None:
    """Raise ValueError, saying what, where a spectrum's parts do not belong together."""
    _refuse(_faults(spectrum))


def refuse_unsound_path(checkpoints: Sequence[Any], steps: Sequence[Any], spectra: Sequence[Spectrum]) -> None:
    """The same of spectra along a path: whole numbers that rise, one of each for every spectrum, all of one matrix."""
    _refuse(_faults_along(checkpoints, steps, spectra))


def refuse_unsound_coupling(sweep: xr.DataArray | None, matrix: xr.DataArray | None) -> None:
    """The same of a sweep and a matrix."""
    _refuse(_faults_of_coupling(sweep, matrix))


def _refuse(faults: Iterator[str]) -> None:
    wrong = next(faults, None)
    if wrong is not None:
        raise ValueError(wrong)


def _faults(spectrum: Spectrum) -> Iterator[str]:
    for name in LISTS:
        values = getattr(spectrum, name)
        if not isinstance(values, np.ndarray) or values.ndim != 1 or not values.size:
            yield f"its {name} should be a list of numbers"
            return
    for name in ("eigenvalues", "weights", "top", "bottom"):
        if not np.isfinite(getattr(spectrum, name)).all():
            yield f"its {name} should be finite"
    pairs = (("eigenvalues", "weights"), ("top", "residuals"), ("bottom", "bottom_residuals"))
    yield from (f"its {a} and {b} differ in length" for a, b in pairs if _size(spectrum, a) != _size(spectrum, b))
    slack = ROUNDING * float(np.abs(spectrum.eigenvalues).max())
    for rising in (spectrum.eigenvalues, -spectrum.top, spectrum.bottom):
        if (np.diff(rising) < -slack).any():
            yield "its eigenvalues are not in order"
    if (spectrum.weights < -ROUNDING).any() or abs(spectrum.weights.sum() - 1) > ROUNDING * len(spectrum.weights):
        yield "its weights should be shares, with the sum 1"
    if (spectrum.residuals < 0).any() or (spectrum.bottom_residuals < 0).any():
        yield "its residuals should not be negative"
    yield from _faults_of_numbers(spectrum)


def _size(spectrum: Spectrum, name: str) -> int:
    return len(getattr(spectrum, name))


def _faults_of_numbers(spectrum: Spectrum) -> Iterator[str]:
    if spectrum.method not in METHODS or spectrum.of not in KINDS:
        yield "its matrix, or its method, is none that is known"
    least = {"steps": 0, "probes": 0, "seed": None, "parameter_count": 1}
    for name, lowest in least.items():
        value = getattr(spectrum, name)
        if not _is_whole(value) or (lowest is not None and value < lowest):
            yield f"its {name} should be a whole number"
    if spectrum.method == "slq" and _is_whole(spectrum.probes) and spectrum.probes < 1:
        yield "its probes should be 1 or more"
    for name in ("trace", "trace_se", "index", "resolution"):
        if not isinstance(getattr(spectrum, name), (int, float)) or isinstance(getattr(spectrum, name), bool):
            yield f"its {name} should be a number"
            return
    if not np.isfinite(spectrum.trace) or spectrum.trace_se < 0 or spectrum.resolution < 0:
        yield "its trace should be finite, with an error that is not negative"
    if not 0 <= spectrum.index <= 1 + ROUNDING:
        yield "its index should be a share"
    for interval in (spectrum.index_interval, spectrum.flat_interval):
        if interval is not None and not (np.shape(interval) == (2,) and interval[0] <= interval[1]):
            yield "its intervals should have a lower and an upper end"


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63


def _faults_along(checkpoints: Sequence[Any], steps: Sequence[Any], spectra: Sequence[Spectrum]) -> Iterator[str]:
    for name, numbers in (("checkpoints", checkpoints), ("steps", steps)):
        if not all(map(_is_whole, numbers)) or any(b <= a for a, b in pairwise(numbers)):
            yield f"its {name} should be whole numbers that rise"
    if not checkpoints or len(checkpoints) != len(steps) or len(spectra) > len(steps):
        yield "its checkpoints, steps and spectra do not belong together"
    if len({spectrum.of for spectrum in spectra}) > 1:
        yield "its spectra are of several matrices"


def _faults_of_coupling(sweep: xr.DataArray | None, matrix: xr.DataArray | None) -> Iterator[str]:
    for array, dims, coords in ((sweep, SWEEP, SWEEP), (matrix, MATRIX, (*MATRIX, "standard_error"))):
        if array is None:
            continue
        if array.dims != dims or array.dtype.kind != "f" or not array.size:
            yield f"its numbers should be over {' and '.join(dims)}"
        elif not set(coords) <= set(array.coords) or array.attrs.get("of") not in KINDS:
            yield "it does not say what its numbers are of"
        elif not all(_is_whole(array.attrs.get(name)) for name in ("exact", "probes", "seed")):
            yield "it does not say how its numbers were got"
    if matrix is not None and "standard_error" in matrix.coords:
        errors = matrix.coords["standard_error"]
        if errors.dims != MATRIX or errors.dtype.kind != "f" or bool((errors < 0).any()):
            yield "its errors should be numbers that are not negative"
    if sweep is not None and "gamma" in sweep.coords and sweep.coords["gamma"].dtype.kind not in "iuf":
        yield "its couplings should be numbers"
