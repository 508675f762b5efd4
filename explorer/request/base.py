"""What a request is, and when its target has changed."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
from pathlib import Path
from typing import Protocol

from lossnav.sample_models import card, names

from .watched import watched_files

LONGEST_STEM = 120  # bytes


class Request(Protocol):
    """Something to compute: the `lossnav` arguments that do it, without --out, the second of them the target; and where the result is kept."""

    @property
    def arguments(self) -> list[str]: ...

    @property
    def path(self) -> Path: ...


def stem(target: str) -> str:
    """What names the files of a target's results: its own name without folder, ending and class.

    >>> stem("nets/mine.py:other"), len(stem("é" * 125 + ".py").encode())  # a name has 255 bytes at most, and locks add theirs
    ('mine', 120)
    """
    name = Path(target.partition(":")[0]).stem
    return name.encode(errors="ignore")[:LONGEST_STEM].decode(errors="ignore")


def modified(target: str) -> str:
    """A stamp that changes when a target's network does: a sample's card; of a file, a folder or a module what it is made of.

    A file counts by when it was written and its size; which ones do, `watched_files` says. Weights that are named nowhere in the
    problem's own code are not seen: "Recompute" on the page, or --overwrite, measures them anew.
    """
    if target in names():
        return json.dumps(card(target), sort_keys=True)
    origin = _origin(target)
    if origin is None:
        return ""
    files = watched_files(origin, None) if origin.is_dir() else watched_files(origin.parent, origin)
    return hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()


def _origin(target: str) -> Path | None:
    """The file or folder that a target's network comes from."""
    name = target.partition(":")[0]
    if not name.endswith(".py") and not Path(name).is_dir():
        try:
            spec = importlib.util.find_spec(name)
        except (ImportError, ValueError):
            return None
        name = (spec and spec.origin) or ""
    path = Path(os.path.realpath(name))  # of links that lead in a circle too
    return path if name and (path.is_dir() or path.parent.is_dir()) else None
