"""Files that are given as weights and hold none: pointers, pages, arrays of other libraries, nothing at all."""

from __future__ import annotations

import zipfile
from pathlib import Path

from ..checks import InputError
from ..foreign import is_archive

FIRST_BYTES = 256
LARGE_FILES = b"version https://git-lfs.github.com/spec/"
TO_TORCH = "torch.save({k: torch.from_numpy(v) for k, v in np.load('weights.npz').items()}, 'weights.pt')"


def refuse_what_holds_no_weights(path: Path) -> None:
    """Raise InputError for a file whose first bytes say what it is, and that it is no file of weights."""
    with path.open("rb") as file:
        begins = file.read(FIRST_BYTES)
    if not begins:
        raise InputError(f"'{path}' is empty: its writing or copying was cut off, so copy or save it again.")
    if begins.startswith(LARGE_FILES):
        raise InputError(
            f"'{path}' is a pointer of Git LFS in place of the weights, which are not here yet: run `git lfs pull` in its folder."
        )
    if begins.lstrip().lower().startswith((b"<!doctype html", b"<html")):
        raise InputError(
            f"'{path}' is a web page in place of the weights, as a download that needs a login gives: download the file itself."
        )
    if begins.startswith(b"\x93NUMPY") or _is_npz(path):
        raise InputError(
            f"'{path}' holds arrays of NumPy, and weights are read from files of torch or safetensors, by their names in the "
            f"network: write them as {TO_TORCH}."
        )
    if begins.startswith(b"\x89HDF\r\n\x1a\n"):
        raise InputError(
            f"'{path}' is an HDF5 file, as Keras writes weights, and weights are read from files of torch or safetensors, by their "
            "names in the network: bring them there, and torch.save(model.state_dict(), 'weights.pt')."
        )


def _is_npz(path: Path) -> bool:
    if not is_archive(path):
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except Exception:  # damaged, in whatever way: its own reader says so
        return False
    return bool(names) and all(name.endswith(".npy") for name in names)
