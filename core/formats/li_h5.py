"""Surface files of Li et al.'s reference implementation (2018), read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from ..checks import InputError
from ..machine.atomic import File
from .axes import rising, what_is_wrong_with_axes
from .files import Floats, _damaged, _existing
from .hdf5_headers import refuse_what_is_elsewhere

# What the reference implementation writes where nothing is computed yet.
NOT_COMPUTED = -1.0


PERCENT = 100.0


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
        refuse_what_is_elsewhere(_existing(path))
        with h5py.File(path, "r") as file:
            arrays = {name: np.asarray(file[name], dtype=np.float64) for name in _LI_NAMES if name in file}
    except InputError:
        raise
    except Exception as error:  # damage of any kind is a sentence
        raise InputError(_damaged(path, "HDF5")) from error
    missing = {"xcoordinates", "train_loss"} - set(arrays)
    if missing:
        raise InputError(
            f"A surface file of Li et al. has xcoordinates and train_loss, but {Path(path).name!r} lacks "
            f"{' and '.join(sorted(missing))}; give the .h5 file that plot_surface.py wrote."
        )
    if any(arrays.get(name, np.zeros(1)).ndim != 1 for name in _LI_NAMES[:2]):
        raise InputError(f"The coordinates in {Path(path).name!r} should be lists of numbers; the file is damaged.")
    land = _from_li(arrays, Path(path).stem)
    wrong = what_is_wrong_with_axes(land)
    if wrong is not None:
        raise InputError(f"{Path(path).name!r} is damaged: {wrong}. Make or copy it again.")
    return rising(land)


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
        "provenance": '[{"imported_from": "surface file of Li et al. 2018"}]',
    }
