"""Landscapes as VTK surfaces, for ParaView."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from ..checks import InputError
from ..machine.atomic import File, written_whole
from .files import _axes, _over_plane, whole_cells
from .table import _texts

UNITS = "UNITS_LABEL"  # vtkDataArray's key


def write_vtk(landscape: xr.Dataset, path: File) -> Path:
    """Write the surface, loss as height, with every variable over the plane as an array on its points.

    `.vtk` is a legacy structured grid, `.vts` its XML kind, `.vtp` a surface of quadrilaterals, all ASCII. Where the loss is not
    finite the height is the highest finite loss, since a point must be somewhere, and in a `.vtp` the surface has a hole; the
    array "loss" keeps what was measured.
    """
    path = Path(path)
    layout = {".vtk": _legacy_vtk, ".vts": _xml_vtk, ".vtp": _xml_surface}.get(path.suffix.lower())
    if layout is None:
        raise InputError(
            f"A VTK file ends in .vtk, .vts or .vtp, but {path.name!r} came; give it one of these endings."
        )
    text = "\n".join(layout(landscape)) + "\n"
    return written_whole(path, lambda target: target.write_text(text, encoding="utf-8"))


def _legacy_vtk(landscape: xr.Dataset) -> Iterator[str]:
    nb, na = landscape.sizes["beta"], landscape.sizes["alpha"]
    yield from ("# vtk DataFile Version 3.0", f"loss landscape {_title(landscape)}"[:255], "ASCII")
    yield from ("DATASET STRUCTURED_GRID", f"DIMENSIONS {na} {nb} 1", f"POINTS {na * nb} double")
    yield from _points(landscape)
    yield f"POINT_DATA {na * nb}"
    for name, values in _over_plane(landscape).items():
        yield from (
            f"SCALARS {'_'.join(_printable(name).split())} {_vtk_type(values, 'int', 'double')} 1",
            "LOOKUP_TABLE default",
        )
        yield " ".join(_texts(values.T.ravel()))


def _xml_vtk(landscape: xr.Dataset) -> Iterator[str]:
    extent = f"0 {landscape.sizes['alpha'] - 1} 0 {landscape.sizes['beta'] - 1} 0 0"
    yield '<?xml version="1.0"?>'
    yield '<VTKFile type="StructuredGrid" version="0.1" byte_order="LittleEndian">'
    yield f'<StructuredGrid WholeExtent="{extent}"><Piece Extent="{extent}">'
    yield '<Points><DataArray type="Float64" NumberOfComponents="3" format="ascii">'
    yield from _points(landscape)
    yield "</DataArray></Points>"
    yield from _point_data(landscape)
    yield "</Piece></StructuredGrid></VTKFile>"


def _xml_surface(landscape: xr.Dataset) -> Iterator[str]:
    cells = _whole_cells(landscape)
    yield '<?xml version="1.0"?>'
    yield '<VTKFile type="PolyData" version="0.1" byte_order="LittleEndian"><PolyData>'
    counts = f'NumberOfPoints="{landscape.sizes["alpha"] * landscape.sizes["beta"]}" NumberOfPolys="{len(cells)}"'
    yield f'<Piece {counts} NumberOfVerts="0" NumberOfLines="0" NumberOfStrips="0">'
    yield '<Points><DataArray type="Float64" NumberOfComponents="3" format="ascii">'
    yield from _points(landscape)
    yield "</DataArray></Points>"
    yield from _point_data(landscape)
    yield '<Polys><DataArray type="Int64" Name="connectivity" format="ascii">'
    yield from (" ".join(map(str, cell)) for cell in cells.tolist())
    yield '</DataArray><DataArray type="Int64" Name="offsets" format="ascii">'
    yield " ".join(map(str, range(4, 4 * len(cells) + 1, 4)))
    yield "</DataArray></Polys></Piece></PolyData></VTKFile>"


def _whole_cells(landscape: xr.Dataset) -> NDArray[np.intp]:
    """The corners of each cell of the grid whose loss is finite, (n, 4), by their places in the file."""
    finite = np.isfinite(_over_plane(landscape)["loss"].astype(np.float64)).T
    place = np.arange(finite.size).reshape(finite.shape)
    corners = place[:-1, :-1], place[:-1, 1:], place[1:, 1:], place[1:, :-1]
    return np.stack([each[whole_cells(finite)] for each in corners], axis=-1)


def _point_data(landscape: xr.Dataset) -> Iterator[str]:
    yield '<PointData Scalars="loss">'
    for name, values in _over_plane(landscape).items():
        yield f'<DataArray type="{_vtk_type(values, "Int32", "Float64")}" Name={quoteattr(_printable(name))} format="ascii">'
        yield " ".join(_texts(values.T.ravel()))
        yield f"{_units(landscape, name)}</DataArray>"
    yield "</PointData>"


def _units(landscape: xr.Dataset, name: str) -> str:
    """A variable's unit under VTK's own key for it; nothing where it has none."""
    unit = _printable(str(landscape[name].attrs.get("units", "")))
    return f'<InformationKey name="{UNITS}" location="vtkDataArray">{escape(unit)}</InformationKey>\n' if unit else ""


def _printable(name: str) -> str:
    """A name without the letters that XML has no place for.

    >>> _printable("a\\x00\\x1b[0m")
    'a??[0m'
    """
    return "".join(letter if letter.isprintable() else "?" for letter in name)


def _title(landscape: xr.Dataset) -> str:
    return _printable(" ".join(str(landscape.attrs.get("name", "")).split()))


def _points(landscape: xr.Dataset) -> Iterator[str]:
    """One line "x y z" per point, alpha fastest, as VTK counts."""
    loss = _over_plane(landscape)["loss"].astype(np.float64)
    finite = loss[np.isfinite(loss)]
    height = np.where(np.isfinite(loss), loss, finite.max() if finite.size else 0.0)
    columns = (_texts(axis.T.ravel()) for axis in (*_axes(landscape), height))
    return (" ".join(point) for point in zip(*columns, strict=True))


def _vtk_type(values: NDArray[Any], whole: str, real: str) -> str:
    return whole if values.dtype == bool else real
