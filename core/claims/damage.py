"""Networks of a claim that are kept on disk and are damaged there: said in a sentence that names the file, never taken as they are.

The registered code that keeps them is as it was registered, and writes archives whose parts have a CRC-32 each; what that code raises
of a damaged one is turned into the sentence here.
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..checks import InputError
from ..sealed import is_sound_archive

RAISED = (ValueError, KeyError, OSError, EOFError, NotImplementedError, RuntimeError, struct.error)
PACKED = (zipfile.BadZipFile, zlib.error)


@contextmanager
def damage_is_said(folder: Path) -> Iterator[None]:
    """What is raised inside is of the damaged archives in `folder`, if there are some.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as place, damage_is_said(Path(place)):
    ...     int("x")
    Traceback (most recent call last):
    ...
    ValueError: invalid literal for int() with base 10: 'x'

    Raises
    ------
    InputError  a damaged archive, by its name
    """
    try:
        yield
    except (*RAISED, *PACKED) as error:
        if not isinstance(error, InputError):
            for path in sorted(folder.rglob("*.npz")):
                _refuse_damaged(path)
        raise


def _refuse_damaged(path: Path) -> None:
    if not is_sound_archive(path):
        raise InputError(f"'{path}' is damaged: remove it, and the same command makes these networks' numbers again.")
