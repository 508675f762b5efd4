"""A file is written whole or not at all: under a temporary name, then renamed."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

File = str | os.PathLike[str]


def written_whole(path: File, write: Callable[[Path], object]) -> Path:
    """Write to a name beside `path`, then rename: the file is there whole or not at all."""
    path = Path(path)
    unfinished = path.with_name(f".{path.name}.unfinished")
    write(unfinished)
    unfinished.replace(path)
    return path
