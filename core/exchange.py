"""Landscapes in the files of other tools: NetCDF, CSV and VTK out; NetCDF and the `.h5` of Li et al. (2018) in.

NetCDF keeps everything (xarray, MATLAB, R, Panoply read it), CSV the numbers over the plane (spreadsheets, pandas),
VTK the surface (ParaView). `convert` goes from one file to another by their endings.
"""

from collections.abc import Callable, Iterator
from csv import writer
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from .checks import InputError
from .machine.atomic import File, written_whole

Floats = NDArray[np.float64]

# What the reference implementation writes where nothing is computed yet.
NOT_COMPUTED = -1.0
PERCENT = 100.0


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
        with xr.open_dataset(_existing(path), engine="h5netcdf") as opened:
            landscape = opened.load().drop_encoding()
    except OSError as error:
        raise InputError(_damaged(path, "NetCDF 4")) from error
    return _landscape(landscape, path)


def write_csv(landscape: xr.Dataset, path: File) -> Path:
    """Write one row per point: alpha, beta, then every variable over the plane, named as in the landscape.

    Numbers have as many digits as bring back the same float64; what is not finite is nan or inf.
    """
    over_plane = _over_plane(landscape)
    text = StringIO()
    rows = writer(text, lineterminator="\n")
    rows.writerow(["alpha", "beta", *over_plane])
    alpha, beta = (axis.ravel() for axis in _axes(landscape))
    rows.writerows(zip(*(_texts(column.ravel()) for column in (alpha, beta, *over_plane.values())), strict=True))
    return written_whole(path, lambda target: target.write_text(text.getvalue(), encoding="utf-8"))


def write_vtk(landscape: xr.Dataset, path: File) -> Path:
    """Write the surface, loss as height, with every variable over the plane as an array on its points.

    `.vtk` is a legacy structured grid, `.vts` its XML kind, both ASCII. Where the loss is not finite the height is the
    highest finite loss, since a point must be somewhere; the array "loss" keeps what was measured.
    """
    path = Path(path)
    layout = {".vtk": _legacy_vtk, ".vts": _xml_vtk}.get(path.suffix.lower())
    if layout is None:
        raise InputError(f"A VTK file ends in .vtk or .vts, but {path.name!r} came; give it one of these endings.")
    text = "\n".join(layout(landscape)) + "\n"
    return written_whole(path, lambda target: target.write_text(text, encoding="utf-8"))


def read_li_h5(path: File) -> xr.Dataset:
    """The landscape in a surface file of Li et al.'s reference implementation (tomgoldstein/loss-landscape).

    Reads xcoordinates, ycoordinates (absent for a slice), train_loss, train_acc, and test_loss, test_acc where they
    are. Accuracy comes as a share, there it is percent; −1, there for "not computed", becomes `measured` = False.
    InputError if the file has no such surface.

    The arrays there are declared (x, y), but filled in the order of `numpy.meshgrid(x, y)`, x fastest (scheduler.py,
    h52vtp.py): on a square grid the first index is y; on others the declared shape is not that of the grid.
    """
    import h5py

    try:
        with h5py.File(_existing(path), "r") as file:
            arrays = {name: np.asarray(file[name], dtype=np.float64) for name in _LI_NAMES if name in file}
    except OSError as error:
        raise InputError(_damaged(path, "HDF5")) from error
    missing = {"xcoordinates", "train_loss"} - set(arrays)
    if missing:
        raise InputError(
            f"A surface file of Li et al. has xcoordinates and train_loss, but {Path(path).name!r} lacks "
            f"{' and '.join(sorted(missing))}; give the .h5 file that plot_surface.py wrote."
        )
    return _from_li(arrays, Path(path).stem)


def convert(source: File, target: File) -> Path:
    """Turn the landscape in `source` (.zarr, its .zip, .nc, .h5) into `target` (.nc, .csv, .vtk, .vts); returns the target.

    InputError: an ending that is not one of these.
    """
    read = _by_ending(source, READERS, "A landscape is read from")
    write = _by_ending(target, WRITERS, "A landscape is written to")
    return write(read(source), target)


def _read_store(path: File) -> xr.Dataset:
    from .store import read_landscape

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


def _existing(path: File) -> Path:
    path = Path(path)
    if not path.is_file():
        raise InputError(f"A landscape file was expected at '{path}', but there is none; check the path.")
    return path


def _damaged(path: File, kind: str) -> str:
    return f"A {kind} file was expected, but {Path(path).name!r} is none or is damaged; make or copy it again."


def _landscape(dataset: xr.Dataset, path: File) -> xr.Dataset:
    if "loss" not in dataset or set(dataset["loss"].dims) != {"alpha", "beta"}:
        raise InputError(
            f"A landscape has a variable loss over alpha and beta, but {Path(path).name!r} has "
            f"{', '.join(map(str, dataset.data_vars)) or 'no variable'}; give a file that this project wrote."
        )
    return dataset


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


def _texts(values: NDArray[Any]) -> list[str]:
    """Shortest texts that read back as the same numbers; truth as 0 and 1."""
    return [repr(value) for value in (values.astype(int) if values.dtype == bool else values).tolist()]


def _legacy_vtk(landscape: xr.Dataset) -> Iterator[str]:
    nb, na = landscape.sizes["beta"], landscape.sizes["alpha"]
    yield from ("# vtk DataFile Version 3.0", f"loss landscape {_title(landscape)}"[:255], "ASCII")
    yield from ("DATASET STRUCTURED_GRID", f"DIMENSIONS {na} {nb} 1", f"POINTS {na * nb} double")
    yield from _points(landscape)
    yield f"POINT_DATA {na * nb}"
    for name, values in _over_plane(landscape).items():
        yield from (f"SCALARS {name} {_vtk_type(values, 'int', 'double')} 1", "LOOKUP_TABLE default")
        yield " ".join(_texts(values.T.ravel()))


def _xml_vtk(landscape: xr.Dataset) -> Iterator[str]:
    extent = f"0 {landscape.sizes['alpha'] - 1} 0 {landscape.sizes['beta'] - 1} 0 0"
    yield '<?xml version="1.0"?>'
    yield '<VTKFile type="StructuredGrid" version="0.1" byte_order="LittleEndian">'
    yield f'<StructuredGrid WholeExtent="{extent}"><Piece Extent="{extent}">'
    yield '<Points><DataArray type="Float64" NumberOfComponents="3" format="ascii">'
    yield from _points(landscape)
    yield '</DataArray></Points><PointData Scalars="loss">'
    for name, values in _over_plane(landscape).items():
        yield f'<DataArray type="{_vtk_type(values, "Int32", "Float64")}" Name="{name}" format="ascii">'
        yield " ".join(_texts(values.T.ravel()))
        yield "</DataArray>"
    yield "</PointData></Piece></StructuredGrid></VTKFile>"


def _title(landscape: xr.Dataset) -> str:
    return " ".join(str(landscape.attrs.get("name", "")).split())


def _points(landscape: xr.Dataset) -> Iterator[str]:
    """One line "x y z" per point, alpha fastest, as VTK counts."""
    loss = _over_plane(landscape)["loss"].astype(np.float64)
    finite = loss[np.isfinite(loss)]
    height = np.where(np.isfinite(loss), loss, finite.max() if finite.size else 0.0)
    columns = (_texts(axis.T.ravel()) for axis in (*_axes(landscape), height))
    return (" ".join(point) for point in zip(*columns, strict=True))


def _vtk_type(values: NDArray[Any], whole: str, real: str) -> str:
    return whole if values.dtype == bool else real


_LI_NAMES = ("xcoordinates", "ycoordinates", "train_loss", "train_acc", "test_loss", "test_acc")
# Name there → name here, unit, long name, and what one unit here is there.
_LI_VARIABLES = {
    "train_loss": ("loss", "nats", "loss", 1.0),
    "train_acc": ("accuracy", "1", "accuracy", PERCENT),
    "test_loss": ("test_loss", "nats", "test loss", 1.0),
    "test_acc": ("test_accuracy", "1", "test accuracy", PERCENT),
}


def _from_li(arrays: dict[str, Floats], name: str) -> xr.Dataset:
    alpha, beta = arrays["xcoordinates"], arrays.get("ycoordinates", np.zeros(1))
    variables: dict[str, Any] = {}
    for there, (here, units, long_name, scale) in _LI_VARIABLES.items():
        if there in arrays:
            words = {"long_name": long_name, "units": units, "property": "terrain", "low_pole": "", "high_pole": ""}
            values = _li_grid(arrays[there], len(alpha), len(beta), there)
            variables[here] = ("alpha", "beta"), np.where(values == NOT_COMPUTED, np.nan, values / scale), words
    computed = _li_grid(arrays["train_loss"], len(alpha), len(beta), "train_loss") != NOT_COMPUTED
    variables["measured"] = ("alpha", "beta"), computed, {"long_name": "measured"}
    return xr.Dataset(variables, coords={"alpha": alpha, "beta": beta}, attrs=_li_attrs(name))


def _li_grid(values: Floats, na: int, nb: int, name: str) -> Floats:
    """`values` as (alpha, beta), from the file's own order: y slowest, x fastest."""
    if values.size != na * nb:
        raise InputError(
            f"A grid of {na} × {nb} points has {na * nb} values, but {name} has {values.size}; the file is damaged."
        )
    return values.reshape(nb, na).T


def _li_attrs(name: str) -> dict[str, str]:
    return {
        "name": name,
        "plane": '{"kind": "unknown", "cosine": null, "explained": null, "normalize": "unknown"}',
        "unavailable": "{}",
        "provenance": '{"imported_from": "surface file of Li et al. 2018"}',
    }
