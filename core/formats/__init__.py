"""Landscapes and maps in files of other programs."""

from __future__ import annotations

from .convert import convert, is_landscape, read_any
from .density_map import read_density_map, write_density_map
from .netcdf import write_netcdf
from .table import write_csv

__all__ = ["convert", "is_landscape", "read_any", "read_density_map", "write_csv", "write_density_map", "write_netcdf"]
