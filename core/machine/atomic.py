"""A file or a folder is written whole or not at all: under a temporary name beside it, then renamed."""

from __future__ import annotations

import os
import re
import shutil
import uuid
from collections.abc import Callable
from pathlib import Path

File = str | os.PathLike[str]


def written_whole(path: File, write: Callable[[Path], object]) -> Path:
    """Have `write` make a file or a folder of a temporary name, then give it its own, `path`.

    A reader sees the old one, the new one or none, never a part; where `write` fails, nothing is left of it. Two writers do
    not disturb each other: the last one's stays. A folder does not take the place of another that holds something.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = written_whole(Path(folder) / "a.txt", lambda place: place.write_text("whole"))
    ...     path.read_text(), [each.name for each in path.parent.iterdir()]
    ('whole', ['a.txt'])
    """
    path = Path(path)
    unfinished = temporary(path)
    try:
        write(unfinished)
        unfinished.replace(path)
    finally:
        if unfinished.is_dir():
            shutil.rmtree(unfinished)
        unfinished.unlink(missing_ok=True)
    return path


def temporary(path: Path) -> Path:
    """A name beside `path` that nobody uses."""
    return path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")


def sweep(path: Path) -> None:
    """Remove what writers of `path` that were killed left under temporary names; the caller knows that none is at work.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path, kept = Path(folder) / "a.zarr", Path(folder) / ".a.zarr.before"
    ...     for each in (temporary(path), kept):
    ...         each.mkdir()
    ...     sweep(path)
    ...     [each.name for each in Path(folder).iterdir()]
    ['.a.zarr.before']
    """
    named = re.compile(re.escape(f".{path.name}.") + "[0-9a-f]{8}")
    for each in path.parent.iterdir():
        if named.fullmatch(each.name):
            shutil.rmtree(each) if each.is_dir() and not each.is_symlink() else each.unlink(missing_ok=True)
