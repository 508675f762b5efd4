"""Damage to a store is seen: checksums on every chunk, none of them missing, and digests of what the numbers hang on.

Stores made before there were checksums are read as they are, and get some when they are written to next.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..checks import InputError, first_line
from ..machine.memory import free_bytes
from ..parameters.hashing import digest
from .grid import GridPlan
from .headers import refuse_bombs

if TYPE_CHECKING:
    import zarr

SEALED = "sealed"  # the attribute of a store that keeps this promise
COORDINATES = ("alpha", "beta", "cells", "levels")
MEASURED = ("values", "done")
SAID = ("about", "columns", "stages", "overlays")  # attributes
MOST_POINTS = 2**24  # a grid of 4096 × 4096
MOST_COLUMNS = 4096
LISTED = 5


class DamagedError(InputError):
    """A store on disk is damaged; the message says where, and what to do."""


def compressors(*codecs: Any) -> list[Any]:
    """Codecs of an array: how it is packed, and over that a checksum of each chunk."""
    from zarr.codecs import Crc32cCodec, ZstdCodec

    return [*(codecs or (ZstdCodec(level=0),)), Crc32cCodec()]


def seal(plan: GridPlan, attributes: Mapping[str, Any]) -> dict[str, str]:
    """Digests of what no checksum of a chunk can vouch for: that the coordinates are these, and what is said of the numbers."""
    return {"coordinates": _digest_of({n: getattr(plan, n) for n in COORDINATES}), "about": _digest_of_said(attributes)}


def _digest_of(coordinates: Mapping[str, np.ndarray]) -> str:
    total = hashlib.sha256()
    for name in COORDINATES:
        values = np.ascontiguousarray(coordinates[name])
        total.update(f"{name} {values.shape};".encode())
        total.update(values.astype("<f8").tobytes())
    return total.hexdigest()


def _digest_of_said(attributes: Mapping[str, Any]) -> str:
    said = {name: attributes.get(name) for name in SAID}
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def read_arrays(group: zarr.Group, path: Path) -> dict[str, np.ndarray]:
    """Every array of a store, by name.

    Raises
    ------
    DamagedError  a chunk is missing or changed, or the parts do not belong together
    """
    attributes = dict(group.attrs)
    refuse_too_large(group, path)
    read = _all_of(group) or {}
    if not read:
        raise DamagedError(_said_of(bad_rows(group), path))
    _refuse_what_does_not_fit(read, attributes, path)
    return read


def _all_of(group: zarr.Group) -> dict[str, np.ndarray] | None:
    """Everything at once; None where something is damaged, and has to be looked for."""
    if _misses_chunks(group) and bad_rows(group):
        return None
    try:
        return {name: np.asarray(group[name][:]) for name in (*COORDINATES, *MEASURED)}  # type: ignore[index]
    except Exception:  # codecs raise whatever they like
        return None


def _misses_chunks(group: zarr.Group) -> bool:
    return SEALED in group.attrs and any(group[n].nchunks_initialized < group[n].nchunks for n in MEASURED)  # type: ignore[union-attr]


def _said_of(bad: list[tuple[str, tuple[int, int]]], path: Path) -> str:
    if not bad:
        return f"'{path}' is damaged: its coordinates cannot be read as they were written. `lossnav survey … --repair` makes them again."
    return f"'{path}' is damaged: {described(bad)}. `lossnav survey … --repair` measures only these points again."


def salvage(group: zarr.Group, path: Path) -> tuple[np.ndarray, np.ndarray]:
    """(values, done) of a damaged store, with everything in damaged tiles as not measured."""
    refuse_too_large(group, path)
    values, done = group["values"], group["done"]
    salvaged = np.full(values.shape, np.nan, values.dtype)  # type: ignore[union-attr]
    marks = np.zeros(done.shape, bool)  # type: ignore[union-attr]
    bad = bad_rows(group)
    for rows, place in _tiles(values):
        salvaged[place] = np.nan if _inside(rows, bad) else values.blocks[_block(values, place)]  # type: ignore[union-attr]
    for rows, place in _tiles(done):
        marks[place] = False if ("done", rows) in bad else done.blocks[_block(done, place)]  # type: ignore[union-attr]
    for name, (start, stop) in bad:
        if name == "values":
            marks[start:stop] = False
    return salvaged, marks


def bad_rows(group: zarr.Group) -> list[tuple[str, tuple[int, int]]]:
    """(array, (from row, to row)) of every tile of measured numbers that is missing or changed."""
    whole = SEALED in group.attrs
    columns = len(group.attrs.get("columns", ()))  # type: ignore[arg-type]
    bad: list[tuple[str, tuple[int, int]]] = []
    for name in MEASURED:
        array = group[name]
        for rows, place in _tiles(array):
            unused = name == "values" and place[1].start >= max(columns, 1)
            if not unused and not _is_whole(array, place, whole):
                bad.append((name, rows))
    return list(dict.fromkeys(bad))


def described(bad: list[tuple[str, tuple[int, int]]]) -> str:
    """Which tiles, in words."""
    named = [f"points {start}–{stop - 1} of '{name}'" for name, (start, stop) in bad[:LISTED]]
    more = len(bad) - LISTED
    return ", ".join(named) + (f" and {more} more tiles" if more > 0 else "") + " cannot be read as they were written"


def refuse_too_large(group: zarr.Group, path: Path) -> None:
    """Look at the sizes that the headers name before anything of that size is made.

    Raises
    ------
    DamagedError  sizes that no landscape has, or that do not fit into memory
    """
    arrays: dict[str, Any] = {name: group[name] for name in (*COORDINATES, *MEASURED)}
    shapes = {name: array.shape for name, array in arrays.items()}
    if not all(shapes.values()):
        raise DamagedError(f"'{path}' is damaged: the sizes of its parts do not belong together. Measure it anew.")
    count = shapes["cells"][0]
    fits = (
        all(len(shapes[name]) == 1 for name in ("alpha", "beta", "levels"))
        and all(len(shapes[name]) == 2 for name in ("cells", *MEASURED))
        and count == shapes["levels"][0] == shapes["values"][0] == shapes["done"][0]
        and shapes["cells"][1] == 2
        and 0 < count == shapes["alpha"][0] * shapes["beta"][0]
    )
    if not fits:
        raise DamagedError(f"'{path}' is damaged: the sizes of its parts do not belong together. Measure it anew.")
    size = sum(int(array.nbytes) for array in arrays.values())
    free = free_bytes()
    if count > MOST_POINTS or shapes["values"][1] > MOST_COLUMNS or (free is not None and size > free / 2):
        raise DamagedError(
            f"'{path}' says that it holds {count:,} points × {shapes['values'][1]:,} numbers, {size / 1e9:.1f} GB: "
            "more than this machine can take. Open it on a larger one if that is true."
        )
    try:
        refuse_bombs(arrays, path)
    except InputError as error:
        raise DamagedError(f"'{path}' is damaged, or no landscape of this project: {error} Measure it anew.") from error


def _tiles(array: Any) -> Iterator[tuple[tuple[int, int], tuple[slice, slice]]]:
    """Each chunk's rows, and its place."""
    (rows, columns), (tall, wide) = array.shape, array.chunks
    for start in range(0, rows, tall):
        stop = min(start + tall, rows)
        for left in range(0, columns, wide):
            yield (start, stop), (slice(start, stop), slice(left, min(left + wide, columns)))


def _block(array: Any, place: tuple[slice, slice]) -> tuple[int, int]:
    return place[0].start // array.chunks[0], place[1].start // array.chunks[1]


def _inside(rows: tuple[int, int], bad: list[tuple[str, tuple[int, int]]]) -> bool:
    return ("values", rows) in bad


def _is_whole(array: Any, place: tuple[slice, slice], promised: bool) -> bool:
    """Whether a chunk is there, where that was promised, and decodes to what its checksum says."""
    from zarr.core.sync import sync

    key = array.metadata.chunk_key_encoding.encode_chunk_key(_block(array, place))
    if promised and not sync((array.store_path / key).exists()):
        return False
    try:
        array[place]
    except Exception:  # codecs raise whatever they like
        return False
    return True


def _refuse_what_does_not_fit(read: Mapping[str, np.ndarray], attributes: Mapping[str, Any], path: Path) -> None:
    """Hold coordinates, marks and values against each other, and against what was written down of them."""
    sealed = attributes.get(SEALED)
    if sealed is not None:
        wrong = [
            what
            for what, is_wrong in {
                "its coordinates are": _digest_of(read) != sealed["coordinates"],
                "what it says of itself is": _digest_of_said(attributes) != sealed["about"],
                "its specification is": digest(attributes["spec"]) != attributes["spec_digest"],
            }.items()
            if is_wrong
        ]
        if wrong:
            raise DamagedError(
                f"'{path}' is damaged: {wrong[0]} not as they were written. Measure it anew with --overwrite."
            )
    cells = read["cells"]
    inside = (cells >= 0).all() and (cells < (len(read["alpha"]), len(read["beta"]))).all()
    if not inside or not all(np.isfinite(read[axis]).all() for axis in ("alpha", "beta")):
        raise DamagedError(f"'{path}' is damaged: points lie outside its grid. Measure it anew with --overwrite.")


def unreadable(path: Path, error: BaseException) -> DamagedError:
    """The error for a store that breaks in a way of its own."""
    return DamagedError(
        f"'{path}' is damaged, or no lossnav landscape ({first_line(error)}): measure it anew with --overwrite."
    )
