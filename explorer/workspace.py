"""The folder that the explorer was started in: what in it can be looked at, found without running anything.

A Python file's problems are read off its syntax tree, of everything else names and first bytes are looked at. What is found is a
list of names: a problem's file runs when a person presses a button, a landscape is read by `landscape_file.opened`.
"""

from __future__ import annotations

import ast
import json
import os
import re
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path

FOLDER_VARIABLE = "LOSSNAV_FOLDER"  # how the command hands the folder to the page's script
PROBLEM, LANDSCAPE, CHECKPOINTS, TRANSFORMERS = KINDS = ("problem", "landscape", "checkpoints", "transformers")
SKIPPED = {"node_modules", "__pycache__", "venv", "env", "site-packages"}
WEIGHTS_IN_FOLDER = (
    "model.safetensors",
    "pytorch_model.bin",
    "model.safetensors.index.json",
    "pytorch_model.bin.index.json",
    "adapter_model.safetensors",
)
CONFIGURATIONS = {"config.json": "model_type", "adapter_config.json": "peft_type"}  # and what each says
WEIGHTS = (".safetensors", ".pt", ".pth", ".ckpt", ".bin")
LARGEST_SOURCE = 2**20  # bytes of a Python file, or of a configuration, that is read
HDF5, ZIP = b"\x89HDF\r\n\x1a\n", b"PK\x03\x04"
SURFACE, XML_START = b'type="PolyData"', 1024  # what a surface of VTK says in its first bytes
LI = b"xcoordinates"  # an array of the reference implementation's files; other .h5 files are somebody's weights


@dataclass(frozen=True)
class Bounds:
    """How far a folder is looked through.

    depth    folders below it
    entries  names looked at
    listed   entries listed
    seconds  time taken
    """

    depth: int = 4
    entries: int = 20_000
    listed: int = 200
    seconds: float = 1.0


@dataclass(frozen=True, order=True)
class WorkspaceEntry:
    """Something that can be looked at: its kind, one of KINDS, and what names it to every command of lossnav."""

    kind: str
    target: str


@dataclass(frozen=True)
class Scan:
    """Contents of a folder, problems first; `whole` is False where a bound ended the search."""

    entries: tuple[WorkspaceEntry, ...] = ()
    whole: bool = True

    def of(self, *kinds: str) -> list[str]:
        """The targets of these kinds."""
        return [entry.target for kind in kinds for entry in self.entries if entry.kind == kind]

    def kind_of(self, target: str) -> str | None:
        """The kind of what has this name; None where nothing has."""
        return next((entry.kind for entry in self.entries if entry.target == target), None)


def is_gone() -> bool:
    """Whether the folder that the server was started in has been removed: no name in it leads anywhere."""
    try:
        os.getcwd()
    except OSError:
        return True
    return False


def folder() -> Path | None:
    """The folder that the server was started in; None: it was started on one thing, or on the samples."""
    given = os.environ.get(FOLDER_VARIABLE)
    return Path(given) if given else None


_latest: dict[Path, Scan] = {}


def latest() -> Scan:
    """The folder's contents when it was looked through last."""
    here = folder()
    if here is None:
        return Scan()
    return _latest[here] if here in _latest else rescan()


def rescan() -> Scan:
    """Look through the folder again."""
    here = folder()
    if here is None:
        return Scan()
    _latest[here] = found = scan(here)
    return found


def path_of(target: str) -> Path:
    """Where something lies that was found under this name."""
    return Path(target)


def scan(folder: Path, bounds: Bounds | None = None, clock: Callable[[], float] = time.monotonic) -> Scan:
    """Look through a folder for problems and landscapes. Hidden folders, virtual environments and links are not entered; links that lead out are left out."""
    bounds = bounds or Bounds()
    search = _FolderSearch(folder, bounds, clock() + bounds.seconds, clock)
    found = list(dict.fromkeys(search.entries()))
    whole = not search.cut and len(found) <= bounds.listed
    nearest = found[: bounds.listed]  # of too many, those that lie least deep
    return Scan(tuple(sorted(nearest, key=lambda entry: (KINDS.index(entry.kind), entry.target))), whole)


class _FolderSearch:
    """One walk through a folder, breadth first, that ends at its bounds."""

    def __init__(self, folder: Path, bounds: Bounds, deadline: float, clock: Callable[[], float]) -> None:
        self.folder, self.root = folder, Path(os.path.realpath(folder))
        self.bounds, self.deadline, self.clock = bounds, deadline, clock
        self.seen, self.cut = 0, False

    def entries(self) -> Iterator[WorkspaceEntry]:
        waiting = [(self.folder, 0)]
        while waiting and not self.cut:
            here, depth = waiting.pop(0)
            names = list(self._inside(here))
            kind = _kind_of_folder(here, names)
            if kind is not None:
                yield WorkspaceEntry(kind, _name(here) + ("" if kind == LANDSCAPE else "/"))
            if kind in (LANDSCAPE, CHECKPOINTS, TRANSFORMERS) and here != self.folder:
                continue
            for each in names:
                path = here / each.name
                if each.is_dir(follow_symlinks=False):
                    if depth < self.bounds.depth and not is_skipped(path):
                        waiting.append((path, depth + 1))
                else:
                    yield from _in_file(path)

    def _inside(self, here: Path) -> Iterator[os.DirEntry[str]]:
        """The names in a folder that are not hidden, in order, links out of the workspace and odd things left out."""
        try:
            with os.scandir(here) as entries:
                for each in sorted(self._counted(entries), key=lambda e: e.name):
                    if not each.name.startswith(".") and self._within(each):
                        yield each
        except OSError:  # no right to look in, or gone
            return

    def _counted(self, entries: Iterator[os.DirEntry[str]]) -> Iterator[os.DirEntry[str]]:
        for each in entries:
            self.seen += 1
            if self.seen > self.bounds.entries or self.clock() > self.deadline:
                self.cut = True
                return
            yield each

    def _within(self, each: os.DirEntry[str]) -> bool:
        if not each.is_symlink():
            return each.is_file(follow_symlinks=False) or each.is_dir(follow_symlinks=False)
        there = Path(os.path.realpath(each.path))
        return there.is_file() and there.is_relative_to(self.root)


def is_skipped(path: Path) -> bool:
    """Whether a folder holds other people's code: a virtual environment, packages, caches."""
    return path.name in SKIPPED or (path / "pyvenv.cfg").exists()


def _name(path: Path) -> str:
    """A path as a command takes it: no option, and no colon, which would divide it."""
    text = str(path)
    return f"./{text}" if text.startswith("-") else text


def _can_be_told(path: Path) -> bool:
    """Whether a page can show the name, which is Unicode there, and a command take it apart at its colon."""
    text = str(path)
    return ":" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)


def _kind_of_folder(folder: Path, inside: list[os.DirEntry[str]]) -> str | None:
    names = {each.name for each in inside}
    if not _can_be_told(folder):
        return None
    if "zarr.json" in names:
        return LANDSCAPE
    config = next((name for name in CONFIGURATIONS if name in names), None)
    if config is not None and names.intersection(WEIGHTS_IN_FOLDER):
        return TRANSFORMERS if _says_model(folder / config) else None
    return CHECKPOINTS if len(checkpoints_in(folder, names)) > 1 else None


def checkpoints_in(folder: Path, names: Iterable[str]) -> list[str]:
    """Those of the names that are checkpoints of one training, in its order: weights called alike but for a number.

    Nothing of the weights is read.
    """
    alike: dict[str, dict[int, str]] = {}
    for name in names:
        numbers = re.findall(r"\d+", name)
        if numbers and len(numbers[-1]) < 16 and _holds_weights(folder / name):
            stem = "#".join(name.rsplit(numbers[-1], 1))
            alike.setdefault(stem, {})[int(numbers[-1])] = name
    most = max(alike.values(), key=len, default={})
    return [most[step] for step in sorted(most)]


def _holds_weights(path: Path) -> bool:
    if path.name.endswith(WEIGHTS):
        return True
    if "." in path.name or not path.is_dir() or path.is_symlink():
        return False
    try:
        with os.scandir(path) as inside:
            return any(each.name in WEIGHTS_IN_FOLDER or each.name.endswith(WEIGHTS) for each in islice(inside, 100))
    except OSError:
        return False


def _says_model(config: Path) -> bool:
    try:
        if config.stat().st_size > LARGEST_SOURCE:
            return False
        said = json.loads(config.read_text("utf-8"))
        return isinstance(said, dict) and CONFIGURATIONS[config.name] in said
    except (OSError, ValueError, RecursionError):
        return False


def _in_file(path: Path) -> list[WorkspaceEntry]:
    """Entries of a file: problems, a landscape, or none."""
    if not _can_be_told(path):
        return []
    try:
        about = path.stat()
        return list(_looked_at(path, about.st_mtime_ns, about.st_size))
    except OSError:
        return []


@lru_cache(maxsize=4096)
def _looked_at(path: Path, _changed: int, size: int) -> tuple[WorkspaceEntry, ...]:
    name, lower = _name(path), path.name.lower()
    if lower.endswith(".py") and size <= LARGEST_SOURCE:
        names = problem_names(path.read_bytes())
        return tuple(WorkspaceEntry(PROBLEM, name if each == "problem" else f"{name}:{each}") for each in names)
    if lower.endswith(".zarr.zip"):
        return (WorkspaceEntry(LANDSCAPE, name),) if _start(path, len(ZIP)) == ZIP else ()
    if lower.endswith((".nc", ".h5")) and _start(path, len(HDF5)) == HDF5:
        there = lower.endswith(".nc") or LI in _start(path, LARGEST_SOURCE)
        return (WorkspaceEntry(LANDSCAPE, name),) if there else ()
    if lower.endswith(".vtp") and SURFACE in _start(path, XML_START):
        return (WorkspaceEntry(LANDSCAPE, name),)
    return ()


def _start(path: Path, length: int) -> bytes:
    with path.open("rb") as file:
        return file.read(length)


def problem_names(source: bytes | str) -> list[str]:
    """The names at the top of a Python source that give a problem, as far as its syntax tells; `problem` is the first.

    Those are `problem` itself, whatever is called `Problem(…)` or `Problem.from_…(…)`, and functions that need no argument
    and return such. Nothing of the source is run.

    >>> problem_names("from lossnav.core import Problem\\ndef problem(): ...\\nsmall = Problem(a, b, c)")
    ['problem', 'small']
    >>> problem_names("problem = 3\\ndef helper(x): return Problem(x)")
    []
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd escapes, which are the file's own
            tree = ast.parse(source)
        names = [name for statement in tree.body for name in _given(statement)]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    return sorted(dict.fromkeys(names), key=lambda name: name != "problem")


def _given(statement: ast.stmt) -> list[str]:
    if isinstance(statement, ast.FunctionDef):
        return [statement.name] if _gives_problem(statement) else []
    if isinstance(statement, ast.Assign):
        targets, value = statement.targets, statement.value
    elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
        targets, value = [statement.target], statement.value
    elif isinstance(statement, ast.ImportFrom):
        return ["problem"] if any((alias.asname or alias.name) == "problem" for alias in statement.names) else []
    else:
        return []
    names = [target.id for target in targets if isinstance(target, ast.Name)]
    return [n for n in names if _is_call_of_problem(value) or (n == "problem" and not isinstance(value, ast.Constant))]


def _gives_problem(function: ast.FunctionDef) -> bool:
    given = function.args
    needed = len(given.posonlyargs) + len(given.args) - len(given.defaults) + given.kw_defaults.count(None)
    if needed or any("fixture" in ast.unparse(decorator) for decorator in function.decorator_list):
        return False
    if function.name == "problem" or (function.returns is not None and _names_problem(function.returns)):
        return True
    returned = [n.value for n in ast.walk(function) if isinstance(n, ast.Return) and n.value is not None]
    return not function.name.startswith("_") and any(map(_is_call_of_problem, returned))


def _names_problem(annotation: ast.expr) -> bool:
    return ast.unparse(annotation).strip("'\"").rpartition(".")[2] == "Problem"


def _is_call_of_problem(value: ast.expr) -> bool:
    if not isinstance(value, ast.Call):
        return False
    called = ast.unparse(value.func).split(".")
    return called[-1] == "Problem" or (len(called) > 1 and called[-2] == "Problem" and called[-1].startswith("from_"))
