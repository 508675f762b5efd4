"""Landscapes in the files of other tools: NetCDF, CSV and VTK out; NetCDF, VTK's `.vtp` and the `.h5` of Li et al. (2018) in.

NetCDF keeps everything (xarray, MATLAB, R, Panoply read it), CSV the numbers over the plane (spreadsheets, pandas),
VTK the surface (ParaView). `convert` goes from one file to another by their endings.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import xarray as xr

from ..checks import InputError
from ..machine.atomic import File
from ..properties import Settings
from .li_h5 import read_li_h5
from .netcdf import read_netcdf, write_netcdf
from .table import write_csv
from .vtk import write_vtk
from .vtp import read_vtp


def convert(source: File, target: File) -> Path:
    """Turn the landscape in `source` (.zarr, its .zip, .nc, .h5, .vtp) into `target` (.nc, .csv, .vtk, .vts, .vtp); returns the target.

    InputError: an ending that is not one of these.
    """
    read = _by_ending(source, READERS, "A landscape is read from")
    write = _by_ending(target, WRITERS, "A landscape is written to")
    return write(read(source), target)


def read_any(path: File, overlays: Sequence[str] = (), settings: Settings | None = None) -> xr.Dataset:
    """The landscape in a file or folder of any kind that is known here: .zarr, its .zip, .nc, .vtp, or an .h5 surface of
    Li et al.

    overlays  readouts to derive beside those in it, as far as they follow from what is stored (.zarr and .zip)
    settings  what may be turned without measuring again (.zarr and .zip)

    InputError: nothing there, or none of these; settings of a file that holds finished numbers alone.
    """
    if Path(path).is_dir() or (Path(path).suffix.lower() == ".zip" and Path(path).exists()):
        return _read_store(path, overlays, settings)
    if not Path(path).exists():
        raise InputError(f"No landscape at '{path}': check the path, or make one with `lossnav survey`.")
    if settings is not None and settings != Settings():
        raise InputError(
            f"'{Path(path).name}' holds finished numbers, which no setting changes: give the landscape's own folder, .zarr or .zarr.zip."
        )
    found: xr.Dataset = _by_ending(path, READERS, "A landscape is read from")(path)
    return found


def is_landscape(path: File) -> bool:
    """Whether a path names a landscape by its ending, or is a folder that holds one."""
    path = Path(path)
    return path.suffix.lower() in READERS or (path / "zarr.json").is_file()


def _read_store(path: File, overlays: Sequence[str] = (), settings: Settings | None = None) -> xr.Dataset:
    from ..survey.reading import read_landscape

    return read_landscape(Path(path), settings, overlays)


Reader = Callable[[File], xr.Dataset]
Writer = Callable[[xr.Dataset, File], Path]
READERS: dict[str, Reader] = {
    ".zarr": _read_store,
    ".zip": _read_store,
    ".nc": read_netcdf,
    ".h5": read_li_h5,
    ".vtp": read_vtp,
}
WRITERS: dict[str, Writer] = {
    ".nc": write_netcdf,
    ".csv": write_csv,
    **dict.fromkeys((".vtk", ".vts", ".vtp"), write_vtk),
}


def _by_ending(path: File, known: dict[str, Any], expected: str) -> Any:
    ending = Path(path).suffix.lower()
    if ending not in known:
        raise InputError(f"{expected} {', '.join(known)}, but {Path(path).name!r} came; give it one of these endings.")
    return known[ending]
