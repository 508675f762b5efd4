"""A landscape from a file has axes in order and a whole training path: what falls is turned round with its values."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray as xr
from lossnav.core import InputError
from lossnav.core.formats import read_any

ALPHA, BETA = np.array([-1.0, 0.0, 2.0]), np.array([-1.0, 1.0])
LOSS = np.arange(6.0).reshape(3, 2)
Write = Callable[[Path, np.ndarray, np.ndarray, np.ndarray], Path]


def netcdf(folder: Path, alpha: np.ndarray, beta: np.ndarray, loss: np.ndarray) -> Path:
    path = folder / "a.nc"
    said = {"name": "a", "plane": "{}", "unavailable": "{}", "provenance": "[]"}
    land = xr.Dataset({"loss": (("alpha", "beta"), loss)}, coords={"alpha": alpha, "beta": beta}, attrs=said)
    land.to_netcdf(path, engine="h5netcdf")
    return path


def li(folder: Path, alpha: np.ndarray, beta: np.ndarray, loss: np.ndarray) -> Path:
    path = folder / "a.h5"
    with h5py.File(path, "w") as file:
        file["xcoordinates"], file["ycoordinates"] = alpha, beta
        file["train_loss"] = loss.T.reshape(len(alpha), len(beta))  # x fastest, declared (x, y)
    return path


@pytest.mark.parametrize("write", [netcdf, li])
@pytest.mark.parametrize(
    "alpha",
    [[0.0, 2.0, -1.0], [-1.0, -1.0, 2.0], [0.0, 0.0, 0.0], [-1.0, np.nan, 2.0], [-1.0, 0.0, np.inf], []],
    ids=["in disorder", "one twice", "all the same", "not a number", "infinite", "none"],
)
def test_axes_that_are_none_are_a_sentence(write: Write, alpha: list[float], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="alpha"):
        read_any(write(tmp_path, np.array(alpha, float), BETA, LOSS[: len(alpha)]))


@pytest.mark.parametrize("write", [netcdf, li])
def test_axes_that_fall_are_turned_round_with_their_values(write: Write, tmp_path: Path) -> None:
    plain = read_any(write(tmp_path, ALPHA, BETA, LOSS))
    turned = read_any(write(tmp_path, ALPHA[::-1], BETA[::-1], LOSS[::-1, ::-1]))
    for axis, values in (("alpha", ALPHA), ("beta", BETA)):
        assert turned[axis].values.tolist() == plain[axis].values.tolist() == values.tolist()
    assert turned["loss"].values.tolist() == plain["loss"].values.tolist() == LOSS.tolist()


PATH = ("path_alpha", "path_beta", "path_off_plane", "path_step")


@pytest.mark.parametrize(
    "values", [None, [0.0, np.nan], [], ["a", "b"], [[0.0, 1.0]]], ids=["lost", "gap", "none", "words", "grid"]
)
@pytest.mark.parametrize("name", PATH)
def test_a_training_path_in_part_is_a_sentence(name: str, values: list | None, tmp_path: Path) -> None:
    plain = xr.open_dataset(netcdf(tmp_path, ALPHA, BETA, LOSS), engine="h5netcdf").load()
    plain.close()
    count = 2 if values is None or len(values) else 0
    path = {each: ("checkpoint", np.arange(float(count))) for each in PATH}
    whole = tmp_path / "whole.nc"
    plain.assign(path).to_netcdf(whole, engine="h5netcdf")
    if count:
        assert set(PATH) <= set(read_any(whole).data_vars)
    spoilt = {k: v for k, v in path.items() if k != name}
    if values is not None:
        dims = ("row", "checkpoint")[-np.ndim(values) :] if len(values) else ("checkpoint",)
        spoilt[name] = (dims, np.array(values))
    plain.assign(spoilt).to_netcdf(tmp_path / "spoilt.nc", engine="h5netcdf")
    with pytest.raises(InputError, match="training path"):
        read_any(tmp_path / "spoilt.nc")
