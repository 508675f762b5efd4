"""Checks that the readers and writers of landscape files share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from ..checks import InputError
from ..machine.atomic import File
from ..machine.memory import free_bytes
from ..survey.integrity import MOST_POINTS

Floats = NDArray[np.float64]


def _existing(path: File) -> Path:
    path = Path(path)
    if not path.is_file():
        raise InputError(f"A landscape file was expected at '{path}', but there is none; check the path.")
    return path


def _damaged(path: File, kind: str) -> str:
    return f"A {kind} file was expected, but {Path(path).name!r} is none or is damaged; make or copy it again."


def refuse_what_is_elsewhere(path: File) -> None:
    """Look at an HDF5 or NetCDF 4 file before any number of it is read.

    Raises
    ------
    InputError  numbers that lie in other files, or more of them than any landscape has or this machine can take
    OSError     no HDF5 file
    """
    import h5py

    name = Path(path).name
    sizes: list[int] = []

    outside: list[str] = []

    def look_at_link(where: str, link: object) -> None:
        if isinstance(link, h5py.ExternalLink):
            outside.append(where)

    def look_at(where: str, item: object) -> None:
        if not isinstance(item, h5py.Dataset):
            return
        if item.is_virtual or item.external:
            raise InputError(
                f"The numbers of '{where}' in {name!r} lie in other files, which are not read: copy them in."
            )
        sizes.append(item.nbytes)
        if item.size and item.size > MOST_POINTS:
            raise InputError(
                f"'{where}' in {name!r} says that it holds {item.size:,} numbers, more than {MOST_POINTS:,}."
            )

    with h5py.File(path, "r") as file:
        file.visititems_links(look_at_link)
        if outside:
            raise InputError(
                f"'{outside[0]}' in {name!r} is a link into another file, which is not followed: copy it in."
            )
        file.visititems(look_at)
    free = free_bytes()
    if free is not None and sum(sizes) > free / 2:
        raise InputError(f"{name!r} says that it holds {sum(sizes) / 1e9:.1f} GB, more than this machine can take.")


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
