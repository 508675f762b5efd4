"""A digit of a NetCDF landscape that changes on the disk is damage, never another landscape."""

from __future__ import annotations

from pathlib import Path

import cases
import h5py
import numpy as np
import pytest
from lossnav.core import InputError, Plane, survey
from lossnav.core.formats.netcdf import read_netcdf, write_netcdf
from torch import nn


@pytest.mark.parametrize("packed", [False, True])
def test_a_changed_bit_of_any_array_is_damage(tmp_path: Path, packed: bool) -> None:
    problem = cases.four_classes(nn.Linear(3, 4))
    land = survey(problem, Plane.random(problem), (5, 5), overlays=("perplexity",), fidelity=False)
    path = write_netcdf(land, tmp_path / "land.nc", packed=packed)
    whole = path.read_bytes()
    with h5py.File(path) as file:
        names = [
            n for n, d in file.items() if isinstance(d, h5py.Dataset) and d.ndim and d.dtype.kind in "biuf" and d.chunks
        ]
        places = {n: file[n].id.get_chunk_info(0) for n in names}
    assert {"loss", "perplexity", "alpha", "beta", "measured"} <= set(names)
    for chunk in places.values():
        spoilt = bytearray(whole)
        spoilt[chunk.byte_offset + chunk.size // 2] ^= 4
        path.write_bytes(spoilt)
        with pytest.raises(InputError, match=r"damaged|cannot be read"):
            read_netcdf(path)
    path.write_bytes(whole)
    np.testing.assert_array_equal(read_netcdf(path)["loss"], land["loss"])
