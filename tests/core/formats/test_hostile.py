"""Files from others are data: nothing outside them is read, no size is believed, no name is taken for markup."""

from __future__ import annotations

import csv
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray as xr
from lossnav.core import InputError
from lossnav.core.formats.density_map import read_density_map
from lossnav.core.formats.li_h5 import read_li_h5
from lossnav.core.formats.netcdf import read_netcdf
from lossnav.core.formats.table import write_csv
from lossnav.core.formats.vtk import write_vtk

READERS = (read_li_h5, read_netcdf, read_density_map)
AXIS = np.linspace(-1.0, 1.0, 3)


def linked(file: h5py.File, secret: Path) -> None:
    file["train_loss"] = h5py.ExternalLink(str(secret), "secret")


def virtual(file: h5py.File, secret: Path) -> None:
    layout = h5py.VirtualLayout((3, 3), "f8")
    layout[:] = h5py.VirtualSource(str(secret), "secret", (3, 3))
    file.create_virtual_dataset("train_loss", layout)


def stored_outside(file: h5py.File, secret: Path) -> None:
    file.create_dataset("train_loss", (3, 3), "f8", external=[(str(secret), 0, h5py.h5f.UNLIMITED)])


def enormous(file: h5py.File, secret: Path) -> None:
    file.create_dataset("train_loss", (30_000, 30_000), "f8", chunks=(100, 100))


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize(
    ("make", "said"),
    [(linked, "another file"), (virtual, "other files"), (stored_outside, "other files"), (enormous, "900,000,000")],
)
def test_what_lies_elsewhere_or_is_enormous_is_refused(make, said: str, read, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "secret", "w") as secret:
        secret["secret"] = np.ones((3, 3))
    with h5py.File(tmp_path / "s.h5", "w") as file:
        file["xcoordinates"] = file["ycoordinates"] = AXIS
        make(file, tmp_path / "secret")
    with pytest.raises(InputError, match=said):
        read(tmp_path / "s.h5")


NAME = "=1+\"<script>alert(1)</script>&'"


def test_names_are_text_in_every_format(tmp_path: Path) -> None:
    land = xr.Dataset(
        {"loss": (("alpha", "beta"), np.ones((3, 3))), NAME: (("alpha", "beta"), np.ones((3, 3)))},
        {"alpha": AXIS, "beta": AXIS},
        {"name": NAME},
    )
    tree = ElementTree.parse(write_vtk(land, tmp_path / "x.vts"))
    assert [a.get("Name") for a in tree.iter("DataArray")][1:] == ["loss", NAME]
    with write_csv(land, tmp_path / "x.csv").open(newline="") as file:
        assert next(csv.reader(file)) == ["alpha", "beta", "loss", f"'{NAME}"]
