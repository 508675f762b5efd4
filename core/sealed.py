"""A digest inside a single file, so that a digit that changes on the disk, or a part that is lost, is seen when it is read.

A file holds the words MARK and 64 hexadecimal digits: the SHA-256 of the file itself with these 64 as zeros. Each format has a place
for them that its other readers pass over: a last key of JSON, an archive's comment (.zip, .npz), the bytes after the end of HDF5, the
metadata of safetensors. Being inside, they are written with the file, renamed with it and copied with it. A file without them is read as it
is, but for an archive, whose parts have a CRC-32 each.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from .checks import InputError
from .foreign import json_in, plain_file
from .machine.atomic import written_whole

KEY = "sealed"  # of JSON and of safetensors' metadata
MARK = "lossnav-sha256:"
EMPTY = MARK + 64 * "0"  # the words before the digest is known
_FOUND = re.compile(re.escape(MARK.encode()) + rb"([0-9a-f]{64})")
_TAIL = 256  # bytes at the end in which the words lie
_PIECE = 2**20
HDF5, ZIP = b"\x89HDF", b"PK"


class AnotherDigestError(InputError):
    """A file is not what was written."""


def write_sealed(path: str | os.PathLike[str], write: Callable[[Path], object]) -> Path:
    """Have `write` make a file, whole or not at all, and put its digest into it.

    JSON and safetensors have to hold EMPTY already, as `write_json` does it; archives and HDF5 get their words here.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = write_json(Path(folder) / "a.json", {"loss": 1.5})
    ...     whole = verified(path) == path and read_json(path)
    ...     _ = path.write_text(path.read_text().replace("1.5", "1.7"))
    ...     try:
    ...         verified(path)
    ...     except InputError as error:
    ...         whole, "is not what was written" in str(error)
    ({'loss': 1.5}, True)

    Raises
    ------
    ValueError  a kind of file without a place for the words
    """

    def all_of_it(place: Path) -> None:
        write(place)
        _give_place(place)
        with place.open("r+b") as file:
            at = _where(file)
            if at is None:
                raise ValueError(f"{Path(path).name} has no place for a digest.")
            found = _digest(file, at)
            file.seek(at)
            file.write(found)

    return written_whole(path, all_of_it)


def verified(path: str | os.PathLike[str]) -> Path:
    """`path`, where the file is what was written, as far as it says what that was; what is not there is the caller's to say.

    Raises
    ------
    AnotherDigestError  it is damaged
    InputError          no plain file
    """
    path = plain_file(path)
    if path.exists():
        with path.open("rb") as file:
            at = _where(file)
            whole = _nothing_against(file) if at is None else _digest(file, at) == _read_at(file, at, 64)
        if not whole:
            raise AnotherDigestError(_said(path))
    return path


def write_json(path: str | os.PathLike[str], content: Mapping[str, Any], **how: Any) -> Path:
    """Write JSON with a digest of itself under KEY; `how` is for `json.dumps`."""
    text = json.dumps({**content, KEY: EMPTY}, **how)
    return write_sealed(path, lambda place: place.write_text(text, "utf-8"))


def read_json(path: str | os.PathLike[str], sealed: bool = False) -> dict[str, Any]:
    """The content of a JSON file without KEY.

    sealed  whether one without a digest is refused

    Raises
    ------
    AnotherDigestError  it is damaged
    InputError          no plain file, or larger than any that this project writes
    ValueError          no JSON, or no object
    """
    content = json_in(verified(path))
    if not isinstance(content, dict):
        raise ValueError("no JSON object")
    said = content.pop(KEY, None)
    if (sealed and said is None) or (said is not None and not _FOUND.fullmatch(str(said).encode())):
        raise AnotherDigestError(_said(Path(path)))
    return content


def _said(path: Path) -> str:
    return f"'{path}' is damaged: it is not what was written. Make it again, or remove it."


def _give_place(path: Path) -> None:
    with path.open("rb") as file:
        first = file.read(8)
    if first.startswith(ZIP):
        with zipfile.ZipFile(path, "a") as archive:
            archive.comment = EMPTY.encode()
    elif first.startswith(HDF5):
        with path.open("ab") as file:
            file.write(f"\n{EMPTY}".encode())


def _where(file: BinaryIO) -> int | None:
    """Where the 64 digits begin; None: there are none."""
    size = file.seek(0, os.SEEK_END)
    header = _header(file, size)
    start, stop = (8, 8 + header) if header else (max(0, size - _TAIL), size)
    found = [match.start(1) for match in _FOUND.finditer(_read_at(file, start, stop - start))]
    return start + found[-1] if found else None


def _nothing_against(file: BinaryIO) -> bool:
    return _read_at(file, 0, len(ZIP)) != ZIP or is_sound_archive(file)


def is_sound_archive(file: BinaryIO | Path) -> bool:
    """Whether an archive's parts are what their CRC-32 says."""
    try:
        with zipfile.ZipFile(file) as archive:
            return archive.testzip() is None
    except Exception:  # whatever the damage leads to
        return False


def _header(file: BinaryIO, size: int) -> int:
    """Bytes of the header of safetensors, which lies after its own size; 0: it is another kind of file."""
    first = _read_at(file, 0, 9)
    length = int.from_bytes(first[:8], "little")
    return length if first[8:] == b"{" and length <= size - 8 else 0


def _digest(file: BinaryIO, at: int) -> bytes:
    """Of the file with the 64 bytes at `at` as zeros, in hexadecimal."""
    total = hashlib.sha256()
    file.seek(0)
    left = at
    while left and (piece := file.read(min(left, _PIECE))):
        total.update(piece)
        left -= len(piece)
    total.update(64 * b"0")
    file.seek(at + 64)
    while piece := file.read(_PIECE):
        total.update(piece)
    return total.hexdigest().encode()


def _read_at(file: BinaryIO, at: int, size: int) -> bytes:
    file.seek(at)
    return file.read(size)
