"""Landscapes as CSV: one row a point, for spreadsheets and pandas."""

from __future__ import annotations

from csv import writer
from io import StringIO
from pathlib import Path
from typing import Any

import xarray as xr
from numpy.typing import NDArray

from ..machine.atomic import File, written_whole
from .files import _axes, _over_plane


def write_csv(landscape: xr.Dataset, path: File) -> Path:
    """Write one row per point: alpha, beta, then every variable over the plane, named as in the landscape.

    Numbers have as many digits as bring back the same float64; what is not finite is nan or inf.
    """
    over_plane = _over_plane(landscape)
    text = StringIO()
    rows = writer(text, lineterminator="\n")
    rows.writerow(["alpha", "beta", *map(_plain, over_plane)])
    alpha, beta = (axis.ravel() for axis in _axes(landscape))
    rows.writerows(zip(*(_texts(column.ravel()) for column in (alpha, beta, *over_plane.values())), strict=True))
    return written_whole(path, lambda target: target.write_text(text.getvalue(), encoding="utf-8"))


def _plain(name: str) -> str:
    """A name that no spreadsheet takes for a formula.

    >>> _plain("loss"), _plain("=1+1")
    ('loss', "'=1+1")
    """
    return f"'{name}" if name.startswith(("=", "+", "-", "@", "\t", "\r")) else name


def _texts(values: NDArray[Any]) -> list[str]:
    """Shortest texts that read back as the same numbers; truth as 0 and 1."""
    return [repr(value) for value in (values.astype(int) if values.dtype == bool else values).tolist()]
