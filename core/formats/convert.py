"""Landscapes in the files of other tools: NetCDF, CSV and VTK out; NetCDF and the `.h5` of Li et al. (2018) in.

NetCDF keeps everything (xarray, MATLAB, R, Panoply read it), CSV the numbers over the plane (spreadsheets, pandas),
VTK the surface (ParaView). `convert` goes from one file to another by their endings.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import xarray as xr

from ..checks import InputError
from ..machine.atomic import File
from .li_h5 import read_li_h5
from .netcdf import read_netcdf, write_netcdf
from .table import write_csv
from .vtk import write_vtk


def convert(source: File, target: File) -> Path:
    """Turn the landscape in `source` (.zarr, its .zip, .nc, .h5) into `target` (.nc, .csv, .vtk, .vts); returns the target.

    InputError: an ending that is not one of these.
    """
    read = _by_ending(source, READERS, "A landscape is read from")
    write = _by_ending(target, WRITERS, "A landscape is written to")
    return write(read(source), target)


def _read_store(path: File) -> xr.Dataset:
    from ..survey.store import read_landscape

    return read_landscape(Path(path))


Reader = Callable[[File], xr.Dataset]
Writer = Callable[[xr.Dataset, File], Path]
READERS: dict[str, Reader] = {".zarr": _read_store, ".zip": _read_store, ".nc": read_netcdf, ".h5": read_li_h5}
WRITERS: dict[str, Writer] = {".nc": write_netcdf, ".csv": write_csv, ".vtk": write_vtk, ".vts": write_vtk}


def _by_ending(path: File, known: dict[str, Any], expected: str) -> Any:
    ending = Path(path).suffix.lower()
    if ending not in known:
        raise InputError(f"{expected} {', '.join(known)}, but {Path(path).name!r} came; give it one of these endings.")
    return known[ending]
