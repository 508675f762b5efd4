"""Landscapes as NetCDF 4, which keeps everything and which xarray, MATLAB, R and Panoply read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import xarray as xr

from ..checks import InputError
from ..machine.atomic import File, written_whole
from .files import _damaged, _existing
from .hdf5_headers import refuse_what_is_elsewhere


def write_netcdf(landscape: xr.Dataset, path: File) -> Path:
    """Write all of `landscape` to NetCDF 4; `read_netcdf` gives it back the same."""
    # With no fill value NaN stays a number: it means a loss that is not finite.
    encoding: dict[Any, dict[str, None]] = {
        name: {"_FillValue": None} for name, values in landscape.variables.items() if values.dtype.kind == "f"
    }
    plain = landscape.drop_encoding()
    return written_whole(path, lambda target: plain.to_netcdf(target, engine="h5netcdf", encoding=encoding))


def read_netcdf(path: File) -> xr.Dataset:
    """The landscape in a NetCDF file, loaded into memory; InputError if the file holds none."""
    try:
        refuse_what_is_elsewhere(_existing(path))
        with xr.open_dataset(path, engine="h5netcdf") as opened:
            landscape = opened.load().drop_encoding()
    except InputError:
        raise
    except Exception as error:  # damage of any kind is a sentence
        raise InputError(_damaged(path, "NetCDF 4")) from error
    return _landscape(landscape, path)


def _landscape(dataset: xr.Dataset, path: File) -> xr.Dataset:
    if "loss" not in dataset or set(dataset["loss"].dims) != {"alpha", "beta"}:
        raise InputError(
            f"A landscape has a variable loss over alpha and beta, but {Path(path).name!r} has "
            f"{', '.join(map(str, dataset.data_vars)) or 'no variable'}; give a file that this project wrote."
        )
    return dataset
