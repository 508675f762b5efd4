"""Landscapes and maps in files of other programs."""

from __future__ import annotations

from .convert import convert, is_landscape, read_any
from .density_map import read_density_map, write_density_map
from .mesh import MeshBox, mesh_ending, write_mesh
from .netcdf import write_netcdf
from .table import write_csv
from .vtk import write_vtk

__all__ = [
    "MeshBox",
    "convert",
    "is_landscape",
    "mesh_ending",
    "read_any",
    "read_density_map",
    "write_csv",
    "write_density_map",
    "write_mesh",
    "write_netcdf",
    "write_vtk",
]
