"""A density map on disk: NetCDF 4, as landscapes are exchanged."""

from __future__ import annotations

from pathlib import Path

import xarray as xr

from ..checks import InputError
from ..foreign import plain_file
from ..sealed import verified
from .hdf5_headers import refuse_what_is_elsewhere
from .netcdf import write_netcdf


def write_density_map(density_map: xr.Dataset, path: str | Path, packed: bool = False) -> Path:
    """Write a map to `path`, whole or not at all; packed, it is smaller, and as exact."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    return write_netcdf(density_map, path, packed)


def read_density_map(path: str | Path) -> xr.Dataset:
    """The map at `path`, loaded into memory.

    Raises
    ------
    InputError  nothing there, damage, or something that is no density map
    """
    path = Path(path)
    if not plain_file(path).exists():
        raise InputError(f"No density map at '{path}': check the path, or make one with `lossnav density`.")
    try:
        refuse_what_is_elsewhere(verified(path))
        with xr.open_dataset(path, engine="h5netcdf") as opened:
            dataset = opened.load().drop_encoding()
    except InputError:
        raise
    except Exception as error:  # damage of any kind is a sentence
        raise InputError(f"'{path}' is no NetCDF file, or is damaged: make it again with `lossnav density`.") from error
    if "lossnav_density" not in dataset.attrs:
        raise InputError(f"'{path}' is no lossnav density map: give a file made by `lossnav density --out`.")
    return dataset
