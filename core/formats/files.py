"""Checks that the readers and writers of landscape files share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from ..checks import InputError
from ..foreign import plain_file
from ..machine.atomic import File

Floats = NDArray[np.float64]


def _existing(path: File) -> Path:
    path = plain_file(path)
    if not path.exists():
        raise InputError(f"A landscape file was expected at '{path}', but there is none; check the path.")
    return path


def _damaged(path: File, kind: str) -> str:
    return f"A {kind} file was expected, but {Path(path).name!r} is none or is damaged; make or copy it again."


def _over_plane(landscape: xr.Dataset) -> dict[str, NDArray[Any]]:
    """Every variable over the plane, as (alpha, beta)."""
    return {
        str(name): values.transpose("alpha", "beta").to_numpy()
        for name, values in landscape.data_vars.items()
        if set(values.dims) == {"alpha", "beta"}
    }


def _axes(landscape: xr.Dataset) -> tuple[Floats, Floats]:
    alpha, beta = np.meshgrid(landscape["alpha"].to_numpy(), landscape["beta"].to_numpy(), indexing="ij")
    return alpha, beta


def whole_cells(finite: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The cells of a grid, one fewer along each side, of whose four corners all are finite.

    >>> whole_cells(np.array([[True, True, True], [True, True, False]]))
    array([[ True, False]])
    """
    whole: NDArray[np.bool_] = finite[:-1, :-1] & finite[1:, :-1] & finite[1:, 1:] & finite[:-1, 1:]
    return whole
