"""Files from others are data: nothing outside them is read, no size is believed, no name is taken for markup."""

from __future__ import annotations

import csv
import os
import xml.etree.ElementTree as ElementTree
import zlib
from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray as xr
from lossnav.core import InputError
from lossnav.core.formats import hdf5_trial
from lossnav.core.formats.convert import read_any
from lossnav.core.formats.density_map import read_density_map
from lossnav.core.formats.li_h5 import read_li_h5
from lossnav.core.formats.netcdf import read_netcdf
from lossnav.core.formats.table import write_csv
from lossnav.core.formats.vtk import write_vtk
from lossnav.core.spectrum.io import read_coupling, read_spectrum

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


def holds_itself(file: h5py.File) -> None:
    inner = file.create_group("a")
    inner["b"] = inner  # a hard link to the group that it lies in


def unpacks_to_more(file: h5py.File) -> None:
    """A chunk of nine numbers that unpacks to 64 MB: the library makes room for that before it looks."""
    array = file.create_dataset("train_loss", (3, 3), "f8", chunks=(3, 3), compression="gzip")
    array.id.write_direct_chunk((0, 0), zlib.compress(bytes(2**26), 9))


def an_attribute_without_end(file: h5py.File) -> None:
    file.create_dataset("train_loss", (3, 3), "f8").attrs.create("x", np.zeros(2**22), dtype="f8")


def packed_otherwise(file: h5py.File) -> None:
    file.create_dataset("train_loss", (3, 3), "i4", chunks=(3, 3), scaleoffset=4)


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize(
    ("make", "said"),
    [
        (holds_itself, "lies in it twice"),
        (unpacks_to_more, "unpacks to more"),
        (an_attribute_without_end, "attribute 'x' of 'train_loss'"),
        (packed_otherwise, "packed in a way that is not read"),
    ],
)
def test_a_file_that_would_take_all_memory_is_refused_by_its_headers(make, said: str, read, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "s.h5", "w", libver="latest") as file:
        file["xcoordinates"] = file["ycoordinates"] = AXIS
        make(file)
    with pytest.raises(InputError, match=said):
        read(tmp_path / "s.h5")


def test_a_packed_file_of_an_ordinary_kind_is_read(tmp_path: Path) -> None:
    loss = np.arange(2500.0).reshape(50, 50)
    with h5py.File(tmp_path / "s.h5", "w") as file:
        file["xcoordinates"] = file["ycoordinates"] = np.linspace(-1, 1, 50)
        file.create_dataset("train_loss", data=loss, chunks=(50, 50), compression="gzip", shuffle=True, fletcher32=True)
    assert (read_li_h5(tmp_path / "s.h5")["loss"].values == loss.T).all()


@pytest.mark.parametrize("read", [*READERS, read_any, read_spectrum, read_coupling])
@pytest.mark.parametrize("ending", [".nc", ".h5", ".zip", ".zarr", ".json"])
def test_a_pipe_is_refused_and_not_waited_for(read, ending: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / f"s{ending}")
    with pytest.raises(InputError, match=r"should be a file, but is a pipe|is read from"):
        read(tmp_path / f"s{ending}")


def test_a_device_is_refused(tmp_path: Path) -> None:
    (tmp_path / "s.nc").symlink_to("/dev/zero")
    with pytest.raises(InputError, match="should be a file, but is a device"):
        read_netcdf(tmp_path / "s.nc")


def test_json_nested_without_end_and_without_bound_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "deep").write_text("[" * 200_000)
    with pytest.raises(InputError, match="is no lossnav spectrum"):
        read_spectrum(tmp_path / "deep")
    with (tmp_path / "long").open("wb") as file:
        file.truncate(2**30)  # takes no room on disk
    with pytest.raises(InputError, match="more than the 134 MB that are read"):
        read_spectrum(tmp_path / "long")


def test_names_that_xml_has_no_letters_for_are_still_xml(tmp_path: Path) -> None:
    land = xr.Dataset(
        {n: (("alpha", "beta"), np.ones((3, 3))) for n in ("loss", "a\x00\x1b]]><b>")}, {"alpha": AXIS, "beta": AXIS}
    )
    names = [a.get("Name") for a in ElementTree.parse(write_vtk(land, tmp_path / "x.vts")).iter("DataArray")]
    assert names[1:] == ["loss", "a??]]><b>"]


@pytest.mark.parametrize("make", [linked, virtual, stored_outside])
def test_what_lies_elsewhere_is_not_opened_for_trial_either(
    make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where it leads there is a pipe: whoever opens it waits, and is given up."""
    monkeypatch.setattr(hdf5_trial, "PATIENCE", 30.0)
    os.mkfifo(tmp_path / "secret")
    with h5py.File(tmp_path / "s.h5", "w") as file:
        file["xcoordinates"] = file["ycoordinates"] = AXIS
        make(file, tmp_path / "secret")
    with pytest.raises(InputError, match=r"another file|other files"):
        read_li_h5(tmp_path / "s.h5")


def test_a_file_on_which_the_library_never_ends_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process that reads for trial is ended, and the next file is read by another."""
    hdf5_trial.TRIAL.end()
    monkeypatch.setattr(hdf5_trial, "PATIENCE", 0.0)  # a process that is only being started has no answer yet
    with h5py.File(tmp_path / "s.h5", "w") as file:
        file["xcoordinates"], file["train_loss"] = AXIS, AXIS + 5
    with pytest.raises(InputError, match="crashes or never ends"):
        read_li_h5(tmp_path / "s.h5")
    monkeypatch.undo()
    assert (read_li_h5(tmp_path / "s.h5")["loss"].values.ravel() == AXIS + 5).all()
