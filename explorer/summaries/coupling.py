"""A coupling sweep in sentences: the same in the terminal and on the page."""

from __future__ import annotations

from math import isfinite

import numpy as np
import xarray as xr
from lossnav.core.spectrum import student

from ..figures.shared.scales import format_value


def coupling_sentence(sweep: xr.DataArray) -> str:
    """A sentence on the largest and the smallest eigenvalue as coupling is switched on.

    >>> rows = [[0.25, 0.1], [0.7, -0.2], [1.0, -0.5]]
    >>> sweep = xr.DataArray(rows, dims=("gamma", "rank"), coords={"gamma": [0, 0.5, 1]}, attrs={"exact": 1})
    >>> coupling_sentence(sweep)
    'The diagonal alone gives λₘₐₓ 0.25 of 1: coupling makes 75 % of it. The smallest eigenvalue goes from 0.1 to −0.5.'
    """
    first, last = sweep.values[0], sweep.values[-1]
    exact = bool(sweep.attrs["exact"])
    about = "" if exact else "about "
    smallest = f"The smallest eigenvalue goes from {about}{format_value(first[-1])} to {format_value(last[-1])}."
    return f"{_largest(float(first[0]), float(last[0]), exact)} {smallest}"


def _largest(alone: float, whole: float, exact: bool) -> str:
    given, of = format_value(alone), format_value(whole)
    about = "" if exact else "about "
    if whole <= 0:
        return f"No eigenvalue is positive: λₘₐₓ is {about}{given} on the diagonal alone and {of} with coupling."
    if alone <= 0:
        return f"The diagonal alone has no positive eigenvalue, its largest is {given}: all of λₘₐₓ {of} is coupling's."
    if alone > whole * (1 + 1e-6):
        # no diagonal entry of a symmetric matrix is above its largest eigenvalue, so this is the estimate's noise
        return f"The diagonal's estimate, {given}, is above λₘₐₓ {of} itself, which it cannot be: ask for more probes."
    share = 100 * max(1 - alone / whole, 0.0)
    return f"The diagonal alone gives λₘₐₓ {about}{given} of {of}: coupling makes {about}{format_value(share)} % of it."


def how_sentence(sweep: xr.DataArray) -> str:
    """Whether it is exact, and by how many probes it is estimated where not."""
    if sweep.attrs["exact"]:
        return "Exact: the whole matrix, every eigenvalue."
    return (
        f"Estimated: the diagonal from {sweep.attrs['probes']} probes, its outermost entries then exactly, and the "
        "outermost eigenvalues by Lanczos iteration."
    )


def reaches(matrix: xr.DataArray) -> np.ndarray:
    """(layer, other) to either side of each number, a 95 % interval by Student's t at probes − 1 degrees of freedom."""
    times = 0.0 if matrix.attrs["exact"] else student(matrix.attrs["probes"] - 1)
    found: np.ndarray = times * matrix["standard_error"].values
    return found


def strongest_pairs(matrix: xr.DataArray, count: int) -> list[tuple[str, str, float, float]]:
    """The `count` most strongly tied pairs of layers: (layer, other, coupling, ± at 95 %), strongest first."""
    names, values, errors = matrix["layer"].values, matrix.values, reaches(matrix)
    pairs = [
        (str(names[a]), str(names[b]), float(values[a, b]), float(errors[a, b]))
        for b in range(len(names))
        for a in range(b)
        if isfinite(values[a, b])
    ]
    return sorted(pairs, key=lambda pair: -pair[2])[:count]


def matrix_sentence(matrix: xr.DataArray) -> str:
    """Which two layers are tied most strongly, and how it was found."""
    layers = matrix.sizes["layer"]
    probes = matrix.attrs["probes"]
    how = "Exact: the whole matrix." if matrix.attrs["exact"] else f"Estimated from {probes} probes for each layer."
    pairs = strongest_pairs(matrix, 1)
    if not pairs:
        return f"No two layers have curvature, so there is no pair to compare. {how}"
    ((first, second, value, error),) = pairs
    spread = "" if matrix.attrs["exact"] else f" ± {format_value(error, 1)} (95 %)"
    return f"{layers} layers; the most strongly tied are `{first}` and `{second}`: {format_value(value)}{spread}. {how}"
