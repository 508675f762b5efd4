"""What a problem's own code says, read without running it: texts that may be paths, the modules beside it that it imports."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path, PurePath

from ..workspace import LARGEST_SOURCE

LONGEST_PATH = 4096
LISTING = {"glob", "iglob", "rglob", "walk", "listdir", "iterdir", "scandir"}
MOST_MODULES = 200


@dataclass(frozen=True)
class Code:
    """A file of code.

    folder         that it lies in
    texts          its texts that may be paths
    modules        places of modules that it imports, as parts of a path: from its own folder, or so many above
    lists_folders  whether it asks what is in a folder, so that no text need name what it reads
    """

    folder: Path
    texts: tuple[str, ...]
    modules: tuple[tuple[int, str], ...]
    lists_folders: bool

    @cached_property
    def parts(self) -> frozenset[str]:
        """Names of files and folders in its texts."""
        return frozenset(part for text in self.texts for part in PurePath(text).parts)


def code_of(source: Path) -> Iterator[Code]:
    """A file's code, and that of the modules it imports from its folder or from beside themselves, each once."""
    waiting, seen = [source], set[Path]()
    while waiting and len(seen) < MOST_MODULES:
        file = waiting.pop(0)
        if file in seen:
            continue
        seen.add(file)
        try:
            about = file.stat()
            code = _read(file, about.st_mtime_ns, about.st_size)
        except OSError:  # gone, or no right to read it
            continue
        yield code
        waiting.extend(_files_of(code, source.parent))


def _files_of(code: Code, root: Path) -> Iterator[Path]:
    for above, place in code.modules:
        starts = [root, code.folder] if not above else [code.folder.joinpath(*[".."] * (above - 1))]
        for start in starts:
            yield from (file for file in (start / f"{place}.py", start / place / "__init__.py") if file.is_file())


@lru_cache(maxsize=256)
def _read(file: Path, _changed: int, size: int) -> Code:
    """The code as it is since it was changed; of a file that is no Python, or too large, that it may read anything."""
    nothing = Code(file.parent, (), (), True)
    if size > LARGEST_SOURCE:
        return nothing
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd escapes, which are the file's own
            nodes = list(ast.walk(ast.parse(file.read_bytes())))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return nothing
    texts = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    paths = sorted(t for t in texts if 0 < len(t) < LONGEST_PATH and "\0" not in t and "\n" not in t)
    names = {
        node.attr if isinstance(node, ast.Attribute) else node.id
        for node in nodes
        if isinstance(node, (ast.Attribute, ast.Name))
    }
    names |= {alias.name for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names}
    modules = sorted({module for node in nodes for module in _imported(node)})
    return Code(file.parent, tuple(paths), tuple(modules), not LISTING.isdisjoint(names))


def _imported(node: ast.AST) -> Iterator[tuple[int, str]]:
    """Modules that an import may mean, each as (folders above, place)."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            parts = alias.name.split(".")
            yield from ((0, "/".join(parts[: k + 1])) for k in range(len(parts)))
    elif isinstance(node, ast.ImportFrom):
        parts = node.module.split(".") if node.module else []
        yield from ((node.level, "/".join(parts[: k + 1])) for k in range(len(parts)))
        yield from ((node.level, "/".join([*parts, alias.name])) for alias in node.names)
