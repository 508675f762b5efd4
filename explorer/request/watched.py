"""The files that a network's code, weights and data may lie in, found without running anything of it."""

from __future__ import annotations

import ast
import os
import stat
import warnings
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from ..workspace import LARGEST_SOURCE, is_skipped

WATCHED = (".py", ".safetensors", ".pt", ".pth", ".bin", ".ckpt", ".npz", ".npy")  # code, weights and data
DEPTH, ENTRIES = 4, 2_000  # folders below the first that are looked into, names that are looked at
LONGEST_PATH = 4096


Said = tuple[int, int]  # when a file was written, in nanoseconds, and its size in bytes


def watched_files(folder: Path, source: Path | None) -> dict[str, Said]:
    """What tells whether a network is the same still: of each watched file, by name, when it was written and its size.

    Those are the files in `folder` and below it, links followed, and those that `source` names in its text, from its own
    folder or from the one this process is in. The nearest come first, in the order of their names; hidden folders,
    virtual environments and landscapes are left out.
    """
    search = _WatchedSearch()
    below = {path[len(str(folder)) :]: said for path, said in search.below(str(folder))}
    return below | (dict(_named_in(source, search)) if source is not None else {})


@dataclass
class _WatchedSearch:
    """One search through folders, breadth first, that enters none twice and ends after so many names."""

    seen: int = 0
    entered: set[tuple[int, int]] = field(default_factory=set)

    def below(self, folder: str, depth: int = DEPTH) -> Iterator[tuple[str, Said]]:
        waiting = [(folder, 0)]
        while waiting:
            here, level = waiting.pop(0)
            for entry in self._inside(here):
                if entry.name.endswith(WATCHED):
                    yield from _said(entry)
                elif level < depth and _is_entered(entry):
                    waiting.append((entry.path, level + 1))

    def _inside(self, here: str) -> list[os.DirEntry[str]]:
        try:
            about = os.stat(here)
            if (about.st_dev, about.st_ino) in self.entered:  # a link that leads in a circle
                return []
            self.entered.add((about.st_dev, about.st_ino))
            with os.scandir(here) as entries:
                inside = sorted(entries, key=lambda entry: entry.name)
        except OSError:  # no right to look in, or gone
            return []
        inside = inside[: max(0, ENTRIES - self.seen)]
        self.seen += len(inside)
        return [] if any(entry.name == "zarr.json" for entry in inside) else inside


def _is_entered(entry: os.DirEntry[str]) -> bool:
    try:
        return not entry.name.startswith(".") and entry.is_dir() and not is_skipped(Path(entry.path))
    except OSError:  # a link to itself
        return False


def _said(file: os.DirEntry[str] | Path) -> Iterator[tuple[str, Said]]:
    try:
        about = file.stat()
    except OSError:  # gone, or a link to nothing
        return
    if stat.S_ISREG(about.st_mode):
        yield os.fspath(file), (about.st_mtime_ns, about.st_size)


def _named_in(source: Path, search: _WatchedSearch) -> Iterator[tuple[str, Said]]:
    """Watched files that a source names, and those that lie directly in folders that it names."""
    try:
        about = source.stat()
        texts = _texts(source, about.st_mtime_ns, about.st_size)
    except OSError:
        return
    for text in texts:
        for start in (source.parent, Path()):
            path = start / os.path.expanduser(text)
            if path.name.endswith(WATCHED):
                with suppress(ValueError):  # no text that a file can have as its name
                    yield from _said(path)
            elif os.sep in text and path.is_dir():
                yield from search.below(str(path), depth=0)


@lru_cache(maxsize=64)
def _texts(source: Path, _changed: int, size: int) -> tuple[str, ...]:
    """Texts in a source that may be paths."""
    if size > LARGEST_SOURCE:
        return ()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd escapes, which are the file's own
            tree = ast.parse(source.read_bytes())
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ()
    texts = (node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str))
    return tuple(sorted({t for t in texts if 0 < len(t) < LONGEST_PATH and "\0" not in t and "\n" not in t}))
