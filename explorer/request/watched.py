"""The files that a network's code, weights and data may lie in, found without running anything of it."""

from __future__ import annotations

import itertools
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from ..workspace import is_skipped
from .source_code import Code, code_of

WATCHED = (".py", ".safetensors", ".pt", ".pth", ".bin", ".ckpt", ".npz", ".npy")  # code, weights and data
DEPTH, ENTRIES = 4, 2_000  # folders below the first that are looked into, names that are looked at


Said = tuple[int, int]  # when a file was written, in nanoseconds, and its size in bytes


def watched_files(folder: Path, source: Path | None) -> dict[str, Said]:
    """What tells whether a network is the same still: of each watched file, by name, when it was written and its size.

    Those are the files in `folder`, code below it, and weights and data below it that the problem's own code names, or whose
    folder it names: a training that writes elsewhere changes nothing. Of code that lists folders, and without a source, all
    that lies below counts. Links are followed; hidden folders, virtual environments and landscapes are left out. To these come
    files that the code names from its own folder, or from the one this process is in.
    """
    search = _WatchedSearch()
    below = {path[len(str(folder)) :]: said for path, said in search.below(str(folder))}
    if source is None:
        return below
    code = list(code_of(source))
    named = None if any(each.lists_folders for each in code) else {part for each in code for part in each.parts}
    return {name: said for name, said in below.items() if _counts(name, named)} | dict(_named_in(code, search))


def _counts(name: str, named: set[str] | None) -> bool:
    """Whether a file below a problem's folder is part of what it is."""
    parts = name.strip(os.sep).split(os.sep)
    return named is None or len(parts) == 1 or name.endswith(".py") or not named.isdisjoint(parts)


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


def _named_in(code: Iterable[Code], search: _WatchedSearch) -> Iterator[tuple[str, Said]]:
    """Watched files that the code names, and those that lie directly in folders that it names."""
    for each in code:
        for text, start in itertools.product(each.texts, (each.folder, Path())):
            path = start / os.path.expanduser(text)
            if path.name.endswith(WATCHED):
                with suppress(ValueError):  # no text that a file can have as its name
                    yield from _said(path)
            elif os.sep in text and path.is_dir():
                yield from search.below(str(path), depth=0)
