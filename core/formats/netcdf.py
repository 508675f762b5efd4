"""Landscapes as NetCDF 4, which keeps everything and which xarray, MATLAB, R and Panoply read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from ..checks import InputError
from ..machine.atomic import File
from ..sealed import verified, write_sealed
from ..survey.info import IN_ATTRS
from .axes import rising, what_is_wrong_with_axes
from .files import _damaged, _existing
from .hdf5_headers import refuse_what_is_elsewhere


def write_netcdf(landscape: xr.Dataset, path: File, packed: bool = False) -> Path:
    """Write all of `landscape` to NetCDF 4; `read_netcdf` gives it back the same. Packed, it is smaller, and as exact.

    Every array of numbers has a checksum (HDF5's Fletcher-32), and the whole file a digest after its end (`core.sealed`), so
    that a digit that changes on the disk is damage when it is read.
    """
    # With no fill value NaN stays a number: it means a loss that is not finite.
    encoding: dict[Any, dict[str, Any]] = {
        name: {"_FillValue": None} for name, values in landscape.variables.items() if values.dtype.kind == "f"
    }
    for name, values in landscape.variables.items():
        if values.dtype.kind in "biuf" and values.size and values.ndim:
            encoding.setdefault(name, {}).update(fletcher32=True)
    if packed:
        for name in landscape.data_vars:
            encoding.setdefault(name, {}).update(zlib=True, complevel=9, shuffle=True)
    plain = landscape.drop_encoding()
    return write_sealed(path, lambda target: plain.to_netcdf(target, engine="h5netcdf", encoding=encoding))


def read_netcdf(path: File) -> xr.Dataset:
    """The landscape in a NetCDF file, loaded into memory; InputError if the file holds none."""
    try:
        refuse_what_is_elsewhere(verified(_existing(path)))
        with xr.open_dataset(path, engine="h5netcdf") as opened:
            landscape = opened.load().drop_encoding()
    except InputError:
        raise
    except Exception as error:  # damage of any kind is a sentence
        raise InputError(_damaged(path, "NetCDF 4")) from error
    return _landscape(landscape, path)


PATH = ("path_alpha", "path_beta", "path_off_plane", "path_step")


def _landscape(dataset: xr.Dataset, path: File) -> xr.Dataset:
    if "loss" not in dataset or set(dataset["loss"].dims) != {"alpha", "beta"}:
        raise InputError(
            f"A landscape has a variable loss over alpha and beta, but {Path(path).name!r} has "
            f"{', '.join(map(str, dataset.data_vars)) or 'no variable'}; give a file that this project wrote."
        )
    wrong = next(_what_is_wrong(dataset), None)
    if wrong is not None:
        raise InputError(
            f"{Path(path).name!r} is damaged, or no landscape of this project: {wrong}. Make or copy it again."
        )
    floats = {"loss": dataset["loss"].astype(float, keep_attrs=True)} if dataset["loss"].dtype.kind in "biu" else {}
    return rising(dataset.assign(floats)).transpose("alpha", "beta", ...)  # whose values are taken by place, all over


def _what_is_wrong(dataset: xr.Dataset) -> Iterator[str]:
    """Each fault that no landscape has, in words."""
    axes = what_is_wrong_with_axes(dataset)
    if axes is not None:
        yield axes
    if any(name in dataset for name in PATH) and not _is_path(dataset):
        yield f"its training path should be {', '.join(PATH[:-1])} and {PATH[-1]}, finite numbers for each checkpoint"
    for name, variable in dataset.data_vars.items():
        if set(variable.dims) <= {"alpha", "beta"} and variable.dims and variable.dtype.kind not in "biuf":
            yield f"'{name}' should be numbers"
        if not _is_said_in_json(variable.attrs.get("labels", "[]"), list):
            yield f"the names of the classes of '{name}' cannot be read"
    for key, kind in SAID.items():
        if key in dataset.attrs and not _is_said_in_json(dataset.attrs[key], kind):
            yield f"what it says under '{key}' cannot be read"


def _is_path(dataset: xr.Dataset) -> bool:
    parts = [dataset[name] for name in PATH if name in dataset]
    alike = all(part.dims == ("checkpoint",) and part.size and part.dtype.kind in "iuf" for part in parts)
    return len(parts) == len(PATH) and alike and all(np.isfinite(part.values).all() for part in parts)


def _is_said_in_json(text: object, kind: type | tuple[type, ...]) -> bool:
    try:
        return isinstance(json.loads(text), kind)  # type: ignore[arg-type]
    except (TypeError, ValueError, RecursionError):
        return False


def _kind_of(name: str) -> type | tuple[type, ...]:
    """The JSON type of a field, by its name."""
    return {"every": (int, type(None)), "provenance": (list, dict, type(None))}.get(name, (dict, type(None)))


SAID = {name: _kind_of(name) for name in (*IN_ATTRS, "settings", "adaptive")}
