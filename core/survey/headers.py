"""Sizes in a store's headers, held against its arrays before a chunk is unpacked.

A chunk names the size that it unpacks to, and whoever unpacks it makes room for that first: thirty bytes can ask for
terabytes. So only what this project packs with is unpacked, and only to the size of a chunk.
"""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..checks import InputError
from ..foreign import MOST_TEXT, plain_folder, refuse_zip_bomb

if TYPE_CHECKING:
    import zarr

HEAD = 32  # bytes of a chunk that say what it unpacks to
CHECKSUM = 4  # bytes
SLACK = 4096  # bytes that packing may add to a chunk
CODECS = ("BytesCodec", "ZstdCodec", "BloscCodec", "Crc32cCodec")
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
ZSTD_SIZE_BYTES = (0, 2, 4, 8)  # by the two highest bits of the frame's descriptor
ZSTD_SIZE_OFFSET = 256  # what a size of two bytes leaves out


def refuse_odd_things(path: Path) -> None:
    """Pipes, devices, links that lead out of a store's folder, and archives that are bombs, before anything is opened.

    Raises
    ------
    InputError  one of these
    BadZipFile  something that is neither folder nor archive
    """
    plain_folder(path) if path.is_dir() else refuse_zip_bomb(path)
    for name, size, _ in _files(path, headers_of=()):
        if name.rpartition("/")[2] in ("zarr.json", ".zattrs", ".zgroup", ".zarray") and size > MOST_TEXT:
            raise InputError(f"'{name}' in '{path}' is larger than any that this project writes, and is not opened.")


def refuse_bombs(arrays: Mapping[str, zarr.Array[Any]], path: Path) -> None:
    """Look at how the arrays of a store are cut and packed, and at the head of every chunk.

    Raises
    ------
    InputError  kinds of numbers and ways of packing that no store has; chunks larger than their array, or that unpack to more
    """
    nominal = {name: _chunk_bytes(name, array, path) for name, array in arrays.items()}
    for name, size, head in _files(path, headers_of=tuple(arrays)):
        owner = name.partition("/")[0]
        if owner in nominal and not name.endswith(".json") and _says(head, size) > nominal[owner] + SLACK:
            raise InputError(f"The chunk '{name}' says that it holds more than its array has room for.")


def _chunk_bytes(name: str, array: zarr.Array[Any], path: Path) -> int:
    metadata: Any = array.metadata
    codecs = [type(codec).__name__ for codec in getattr(metadata, "codecs", ())]
    if not codecs or any(codec not in CODECS for codec in codecs) or len(set(codecs)) != len(codecs):
        raise InputError(
            f"The array '{name}' is packed in a way that no landscape is ({', '.join(codecs) or 'unknown'})."
        )
    if array.dtype.kind not in "biuf":
        raise InputError(f"The array '{name}' should hold numbers, but holds {array.dtype}.")
    if len(array.chunks) != array.ndim or any(c > max(1, s) for c, s in zip(array.chunks, array.shape, strict=True)):
        raise InputError(f"The array '{name}' of shape {array.shape} is cut into chunks of {array.chunks}.")
    count = 1
    for side in array.chunks:
        count *= int(side)
    return count * int(array.dtype.itemsize)


def _files(path: Path, headers_of: tuple[str, ...]) -> Iterator[tuple[str, int, bytes]]:
    """(name, bytes, first bytes) of every file of a store; the first bytes where it belongs to an array of `headers_of`."""
    if path.is_dir():
        for each in path.rglob("*"):
            name = each.relative_to(path).as_posix()
            with suppress(FileNotFoundError):  # a chunk that is being replaced at this moment
                if each.is_file():
                    yield (
                        name,
                        each.stat().st_size,
                        _head(each.open("rb")) if name.startswith(headers_of or "\0") else b"",
                    )
        return
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            wanted = entry.filename.startswith(headers_of or "\0")
            yield entry.filename, entry.file_size, _head(archive.open(entry)) if wanted else b""


def _head(file: Any) -> bytes:
    with file:
        return bytes(file.read(HEAD))


def _says(head: bytes, size: int) -> int:
    """Bytes that a chunk says it unpacks to, or takes as it lies there, whichever is more."""
    if head.startswith(ZSTD_MAGIC):
        return max(size, _zstd_content(head))
    blosc = struct.unpack("<I", head[4:8])[0] if len(head) >= 16 and head[0] in (1, 2) else 0
    return max(size, blosc if _is_blosc(head, size) else 0)


def _is_blosc(head: bytes, size: int) -> bool:
    return struct.unpack("<I", head[12:16])[0] in (size, size - CHECKSUM)


def _zstd_content(head: bytes) -> int:
    """The size that the first zstd frame names (RFC 8878, 3.1.1.1); without one, more than any chunk's.

    >>> import numcodecs
    >>> _zstd_content(bytes(numcodecs.Zstd().encode(bytes(100_000))))
    100000
    """
    descriptor = head[4] if len(head) > 4 else 0
    single, width = bool(descriptor & 0x20), ZSTD_SIZE_BYTES[descriptor >> 6]
    width = width or int(single)
    start = 5 + (not single) + (0, 1, 2, 4)[descriptor & 3]
    field = head[start : start + width]
    if not width or len(field) < width:
        return 2**63
    return int.from_bytes(field, "little") + (ZSTD_SIZE_OFFSET if width == 2 else 0)
