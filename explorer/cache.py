"""The cache on this machine: its size, and its least recently used parts. Nothing goes by itself."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from lossnav.core.survey import LandscapeStore
from platformdirs import user_cache_path

BOUND = 20e9  # bytes from which the page offers what was longest unused for removal
KINDS = {
    "landscapes": "Landscape",
    "points": "Point",
    "spectra": "Spectrum",
    "spectra_along": "Spectra along the training",
    "couplings": "Coupling",
    "density": "Density map",
    "answers": "Answers at a point",
    "walks": "Walk",
    "profiles": "Profile",
    "basins": "Ends of walks",
    "paths": "Paths of trainings",
    "forecasts": "Forecast",
    "claims": "Result of a claim",
    "claim_populations": "Networks of a claim",
}
FRESH = 60.0  # seconds in which a further use is not noted


@dataclass(frozen=True)
class Kept:
    """One result.

    bytes  on disk
    used   when a page showed it last, in seconds since the epoch
    """

    path: Path
    kind: str
    bytes: int
    used: float

    @property
    def name(self) -> str:
        """Its title."""
        return self.path.name.partition(".")[0]


def cache_entries() -> list[Kept]:
    """Everything that is kept, what was longest unused first."""
    found = [each for folder, kind in KINDS.items() for each in _in(user_cache_path("lossnav") / folder, kind)]
    return sorted(found, key=lambda each: each.used)


def beyond_bound(parts: list[Kept], bound: float | None = None) -> list[Kept]:
    """The least recently used parts that would have to go for the rest to be below the bound.

    >>> found = [Kept(Path(f"{n}.zarr"), "Landscape", 4, n) for n in range(4)]
    >>> [each.name for each in beyond_bound(found, bound=9)], beyond_bound(found, bound=16)
    (['0', '1'], [])
    """
    excess, offered = sum(each.bytes for each in parts) - (BOUND if bound is None else bound), []
    for each in parts:
        if excess <= 0:
            break
        offered.append(each)
        excess -= each.bytes
    return offered


def touch(path: Path) -> None:
    """Note that a result is in use, in a file beside it: the system's own time of access changes with every look at sizes."""
    marker = _marker(path)
    with suppress(OSError):
        if path.exists() and time.time() - _used(path) > FRESH:
            marker.touch()


def _marker(path: Path) -> Path:
    return path.with_name(f".{path.name}.used")


def _used(path: Path) -> float:
    """When a result was shown last, or where that is not known, written."""
    marker = _marker(path)
    return (marker if marker.exists() else path).stat().st_mtime


def remove(each: Kept) -> None:
    """Remove a result, whole.

    Raises
    ------
    InputError  it is being written to
    OSError     it cannot be removed
    """
    _marker(each.path).unlink(missing_ok=True)
    if each.path.suffix != ".zarr" and each.path.is_dir() and not each.path.is_symlink():
        shutil.rmtree(each.path)
        return
    if each.path.suffix != ".zarr" or not each.path.is_dir() or each.path.is_symlink():
        each.path.unlink(missing_ok=True)
        return
    store = LandscapeStore(each.path)
    with store.writing():
        for place in (store.set_aside, store.path):  # in this order: what is set aside takes the place of what is gone
            if place.exists():
                shutil.rmtree(place)


def _in(folder: Path, kind: str) -> Iterator[Kept]:
    if not folder.is_dir():
        return
    for path in folder.iterdir():
        if not path.name.startswith(".") and path.suffix != ".log":
            with suppress(OSError):  # being replaced at this moment
                yield Kept(path, kind, _bytes(path), _used(path))


def _bytes(path: Path) -> int:
    inside = path.rglob("*") if path.is_dir() else [path]
    return sum(file.lstat().st_size for file in inside if not file.is_dir())
