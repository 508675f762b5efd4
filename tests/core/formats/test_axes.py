"""A landscape from a file has axes in order: what falls is turned round with its values, what does neither is no landscape."""

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
