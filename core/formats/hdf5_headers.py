"""HDF5 and NetCDF 4 files of others, looked at before any number in them is read.

Such a file can name other files, hold itself, ask for any size, and unpack to a thousand times what its chunks have room for:
the library makes room for what a packed chunk turns out to hold before it compares that with the chunk.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any

from ..checks import InputError
from ..foreign import plain_file
from ..machine.atomic import File
from ..machine.memory import byte_text, free_bytes
from ..survey.integrity import MOST_POINTS
from .hdf5_trial import TRIAL

MOST_OBJECTS = 2**14  # groups and arrays in one file
MOST_ATTRIBUTE = 2**24  # bytes of an attribute
PACKED_BY = ("gzip", "lzf")
FILTERS = (1, 2, 3, 32000)  # gzip, shuffle, fletcher32, lzf: their numbers in HDF5
SUSPICIOUS = 2**14  # bytes of a packed chunk over which it is unpacked for trial; below it can hold no more than 17 MB
GZIP = 1
SIGNATURE, SIGNATURE_READ = b"\x89HDF\r\n\x1a\n", 4096  # what an HDF5 file begins with, perhaps after other bytes


def refuse_what_is_elsewhere(path: File) -> None:
    """Look at an HDF5 or NetCDF 4 file before any number of it is read.

    Raises
    ------
    InputError  numbers that lie in other files, or more of them than any landscape has or this machine can take
    OSError     no HDF5 file
    """
    import h5py

    name = plain_file(path).name
    with open(path, "rb") as content:
        if SIGNATURE in content.read(SIGNATURE_READ) and not TRIAL.passes(str(path)):
            raise InputError(f"{name!r} is damaged, and reading it crashes or never ends: make or copy it again.")
    with h5py.File(path, "r") as file:
        outside: list[str] = []  # what is raised within `visititems_links` is lost
        file.visititems_links(lambda where, link: outside.extend([where] if _leads_out(link) else []))
        if outside:
            raise InputError(
                f"'{outside[0]}' in {name!r} is a link into another file, which is not followed: copy it in."
            )
        objects: list[tuple[str, Any]] = []
        file.visititems(lambda where, item: _note(objects, where, item, name))
        _refuse_attributes(file, "/", name)
        for where, item in objects:
            _refuse_attributes(item, where, name)
        arrays = [(where, item) for where, item in objects if isinstance(item, h5py.Dataset)]
        for where, array in arrays:
            _refuse_array(where, array, name)
        _refuse_size(sum(array.nbytes for _, array in arrays), name)
        for where, array in arrays:
            _refuse_bombs(where, array, name)


def _leads_out(link: object) -> bool:
    import h5py

    return isinstance(link, h5py.ExternalLink)


def _note(objects: list[tuple[str, Any]], where: str, item: Any, name: str) -> None:
    import h5py

    if isinstance(item, h5py.Group) and h5py.h5o.get_info(item.id).rc > 1:
        raise InputError(f"The group '{where}' in {name!r} lies in it twice, and so perhaps in itself: write it once.")
    if len(objects) >= MOST_OBJECTS:
        raise InputError(f"{name!r} holds more than {MOST_OBJECTS:,} arrays and groups, and is not read.")
    objects.append((where, item))


def _refuse_attributes(item: Any, where: str, name: str) -> None:
    for key in item.attrs:
        about = item.attrs.get_id(key)
        size = about.get_storage_size()
        if size > MOST_ATTRIBUTE:
            raise InputError(f"The attribute '{key}' of '{where}' in {name!r} has {byte_text(size)}, and is not read.")


def _refuse_array(where: str, array: Any, name: str) -> None:
    if array.is_virtual or array.external:
        raise InputError(f"The numbers of '{where}' in {name!r} lie in other files, which are not read: copy them in.")
    if array.size and array.size > MOST_POINTS:
        raise InputError(f"'{where}' in {name!r} says that it holds {array.size:,} numbers, more than {MOST_POINTS:,}.")
    if array.chunks is None:
        return
    _refuse_size(_chunk_bytes(array), name)
    plan = array.id.get_create_plist()
    numbers = [plan.get_filter(i)[0] for i in range(plan.get_nfilters())]
    if any(number not in FILTERS for number in numbers) or len(set(numbers)) != len(numbers):
        raise InputError(
            f"'{where}' in {name!r} is packed in a way that is not read: pack it with gzip, or not at all."
        )


def _refuse_size(size: int, name: str) -> None:
    free = free_bytes()
    if free is not None and size > free / 2:
        raise InputError(f"{name!r} says that it holds {byte_text(size)}, more than this machine can take.")


def _chunk_bytes(array: Any) -> int:
    count = 1
    for side in array.chunks:
        count *= int(side)
    return count * int(array.dtype.itemsize)


def _refuse_bombs(where: str, array: Any, name: str) -> None:
    """Packed chunks that hold more than a chunk has room for."""
    if array.chunks is None or array.compression not in PACKED_BY:
        return
    room = _chunk_bytes(array)
    for offset, size in _chunks(array):
        if size > 2 * room + SUSPICIOUS or (
            size > SUSPICIOUS and array.compression == "gzip" and _holds_more(array, offset, room)
        ):
            raise InputError(f"'{where}' in {name!r} unpacks to more than it has room for, and is not read.")


def _chunks(array: Any) -> Iterator[tuple[tuple[int, ...], int]]:
    for index in range(array.id.get_num_chunks()):
        about = array.id.get_chunk_info(index)
        yield about.chunk_offset, about.size


def _holds_more(array: Any, offset: tuple[int, ...], room: int) -> bool:
    skipped, packed = array.id.read_direct_chunk(offset)
    if skipped & GZIP:
        return False
    try:
        return len(zlib.decompressobj().decompress(packed, room + 1)) > room
    except zlib.error:  # damaged, which its reader says
        return False
