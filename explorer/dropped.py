"""Landscape files that were dropped on the page: kept until the server ends, each under what it holds."""

from __future__ import annotations

import hashlib
import tempfile
from functools import lru_cache
from pathlib import Path

from lossnav.core import InputError

LARGEST = 200  # MB
ENDINGS = ("nc", "h5", "zip", "vtp")


def stored(name: str, content: bytes) -> Path:
    """Where the content lies now; its name says nothing of the place.

    Raises
    ------
    InputError  larger than LARGEST, or another ending
    """
    ending = name.rpartition(".")[2].lower()
    if ending not in ENDINGS:
        raise InputError(f"A landscape file ends in .{', .'.join(ENDINGS)}, but '{name}' does not.")
    if len(content) > LARGEST * 10**6:
        raise InputError(f"'{name}' is larger than {LARGEST} MB: open it with `lossnav explore {name}`.")
    path = _folder() / f"{hashlib.sha256(content).hexdigest()[:16]}.{ending}"
    if not path.exists():
        path.write_bytes(content)
    return path


def _folder() -> Path:
    return Path(_kept().name)


@lru_cache(maxsize=1)
def _kept() -> tempfile.TemporaryDirectory[str]:
    """Removed when the server ends."""
    return tempfile.TemporaryDirectory(prefix="lossnav-dropped-")
