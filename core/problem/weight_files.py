"""Files and folders that hold one set of weights, read a tensor or a part of one at a time, and never run.

Safetensors in one file or several with their index, state dicts that torch saved, and the checkpoint folders of transformers
and peft. Where a file holds more than weights, its groups of tensors are kept apart.
"""

from __future__ import annotations

import contextlib
import functools
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import torch
from safetensors import safe_open
from torch import Tensor

from ..checks import InputError, first_line
from ..foreign import is_archive, json_in, plain_file, refuse_link_out
from ..sealed import verified
from .not_weights import refuse_what_holds_no_weights
from .pickled_weights import Group, check_tensors, grouped, refuse_bombs

# where training scripts keep the network, in this order
KNOWN_GROUPS = ("state_dict", "model_state_dict", "model")
# what a checkpoint folder holds, the first that is there
IN_FOLDERS = (
    "model.safetensors.index.json",
    "model.safetensors",
    "pytorch_model.bin.index.json",
    "pytorch_model.bin",
    "adapter_model.safetensors",
    "adapter_model.bin",
)
SUFFIXES = (".safetensors", ".pt", ".pth", ".bin", ".ckpt")
NUMBER_TYPES = ("numpy.dtypes.Float64DType", "numpy.dtypes.Int64DType")
DANGEROUS = (
    "os",
    "posix",
    "nt",
    "sys",
    "subprocess",
    "builtins",
    "__builtin__",
    "shutil",
    "socket",
    "runpy",
    "importlib",
)


class WeightsFile(Protocol):
    """Tensors on disk."""

    path: Path

    def shapes(self) -> dict[Group, dict[str, torch.Size]]:
        """The groups of tensors in it, each with names and shapes; numbers are not read."""

    def read(self, group: Group, names: Sequence[str]) -> list[Tensor]:
        """These tensors, on the CPU."""

    def rows(self, group: Group, parts: Sequence[tuple[str, int, int | None]]) -> list[Tensor]:
        """Rows from start to stop of these tensors; all of one where stop is None."""

    def metadata(self) -> dict[str, str]:
        """Text that was saved with the tensors."""


def weights_file(path: str | Path) -> WeightsFile:
    """The weights at `path`: a file, an index of files, or a checkpoint folder.

    Raises
    ------
    InputError  nothing there; a folder with no weights, or with several
    """
    path = Path(path)
    if path.is_dir():
        path = _in_folder(path)
    if not plain_file(path).exists():
        raise InputError(f"No weights file at '{path}': check the path.")
    refuse_what_holds_no_weights(path)
    if path.name.endswith(".index.json"):
        return _Sharded(path)
    return _Safetensors(path) if path.suffix == ".safetensors" else _Torch(path)


def _in_folder(folder: Path) -> Path:
    known = next((folder / name for name in IN_FOLDERS if (folder / name).is_file()), None)
    if known is not None:
        refuse_link_out(known, _links_within(folder))
        return known
    files = sorted(
        p for p in folder.iterdir() if p.suffix in SUFFIXES and not p.name.startswith(("optimizer", "scheduler", "."))
    )
    if len(files) == 1:
        refuse_link_out(files[0], _links_within(folder))
        return files[0]
    inside = [p for p in sorted(folder.iterdir()) if p.is_dir() and any((p / name).is_file() for name in IN_FOLDERS)]
    if inside and not files:
        raise InputError(
            f"The folder '{folder}' holds {len(inside)} folder{'s' * (len(inside) > 1)} of weights: give one of them, such as "
            f"'{inside[-1]}', or read them all as a path of training with Trajectory.from_folder."
        )
    what = f"holds {len(files)} weights files" if files else "holds no weights file"
    raise InputError(
        f"The folder '{folder}' should hold one set of weights, but {what}: name the file"
        f"{', or read them all as a path of training with Trajectory.from_folder' if files else ''}."
    )


def _links_within(folder: Path) -> Path:
    """How far links in a checkpoint folder may lead: not out of it, but in a hub's cache to the model's own files.

    There, models--…/snapshots/<revision>/ holds links into models--…/blobs/.
    """
    real = Path(os.path.realpath(folder))
    model = next((each.parent for each in (real, *real.parents) if each.name == "snapshots"), None)
    return model if model is not None and (model / "blobs").is_dir() else real


@functools.lru_cache(maxsize=1024)
def _whole(path: Path, changed: int, size: int) -> Path:
    """A file that is what was written, looked through once for all reads of its parts."""
    return verified(path)


class _Safetensors:
    def __init__(self, path: Path) -> None:
        self.path = path

    @contextlib.contextmanager
    def _open(self) -> Iterator[Any]:
        try:
            at = self.path.stat()
            with safe_open(_whole(self.path, at.st_mtime_ns, at.st_size), framework="pt") as file:
                yield file
        except InputError:
            raise
        except Exception as error:  # SafetensorError, and what torch makes of kinds of numbers that it does not know
            raise InputError(
                f"'{self.path}' is not a readable safetensors file ({first_line(error)}): save the weights again."
            ) from error

    def shapes(self) -> dict[Group, dict[str, torch.Size]]:
        with self._open() as file:
            return {(): {name: torch.Size(file.get_slice(name).get_shape()) for name in file.keys()}}  # noqa: SIM118

    def read(self, group: Group, names: Sequence[str]) -> list[Tensor]:
        with self._open() as file:
            return [file.get_tensor(name) for name in names]

    def rows(self, group: Group, parts: Sequence[tuple[str, int, int | None]]) -> list[Tensor]:
        with self._open() as file:
            return [
                file.get_tensor(name) if stop is None else file.get_slice(name)[start:stop]
                for name, start, stop in parts
            ]

    def metadata(self) -> dict[str, str]:
        with self._open() as file:
            return dict(file.metadata() or {})


class _Sharded:
    """Several files with an index of which holds what."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            places = dict(json_in(path)["weight_map"])
        except (ValueError, KeyError, TypeError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(f"'{path}' is no index of weights files (it has no weight_map): copy it again.") from error
        odd = [
            p for p in places.values() if not isinstance(p, str) or Path(p).name != p or not p or p.endswith(".json")
        ]
        if odd:
            raise InputError(f"'{path.name}' should name weights files beside it, but names {odd[0]!r}: copy it again.")
        missing = sorted({p for p in places.values() if not (path.parent / p).is_file()})
        if missing:
            raise InputError(
                f"'{path.name}' names {len(missing)} file(s) that are not beside it (first '{missing[0]}'): copy them too."
            )
        for place in set(places.values()):
            refuse_link_out(path.parent / place, _links_within(path.parent))
        self._shards: dict[str, WeightsFile] = {p: weights_file(path.parent / p) for p in places.values()}
        self._places = places

    def shapes(self) -> dict[Group, dict[str, torch.Size]]:
        shapes = {name: shape for shard in self._shards.values() for name, shape in shard.shapes()[()].items()}
        lacking = [name for name in self._places if name not in shapes]
        if lacking:
            raise InputError(
                f"'{self.path.name}' names a tensor that its files lack ('{lacking[0]}'): copy them again."
            )
        return {(): shapes}

    def read(self, group: Group, names: Sequence[str]) -> list[Tensor]:
        return self.rows(group, [(name, 0, None) for name in names])

    def rows(self, group: Group, parts: Sequence[tuple[str, int, int | None]]) -> list[Tensor]:
        rows_by_index: dict[int, Tensor] = {}
        for place, shard in self._shards.items():
            own = [i for i, (name, *_) in enumerate(parts) if self._places[name] == place]
            rows_by_index |= dict(zip(own, shard.rows(group, [parts[i] for i in own]), strict=True)) if own else {}
        return [rows_by_index[i] for i in range(len(parts))]

    def metadata(self) -> dict[str, str]:
        return {}


class _Torch:
    """A file of `torch.save`, read with weights_only=True; zipped files stay on disk until a tensor is looked at."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def _groups(self) -> dict[Group, dict[str, Tensor]]:
        try:
            refuse_bombs(self.path)
            content = torch.load(self.path, map_location="cpu", weights_only=True, mmap=is_archive(self.path) or None)
        except InputError:
            raise
        except Exception as error:  # a damaged file can fail in any way inside the reader
            raise InputError(_unreadable(self.path)) from error
        if not isinstance(content, Mapping):
            raise InputError(
                f"'{self.path}' should hold a state dict, but holds a {type(content).__name__}: save model.state_dict()."
            )
        groups = grouped(content, self.path)
        if not groups:
            raise InputError(
                f"'{self.path}' should hold a state dict (names and tensors), but holds no tensor at its top level or "
                "below: save model.state_dict()."
            )
        check_tensors(groups, self.path)
        return groups

    def shapes(self) -> dict[Group, dict[str, torch.Size]]:
        return {group: {name: t.shape for name, t in tensors.items()} for group, tensors in self._groups().items()}

    def read(self, group: Group, names: Sequence[str]) -> list[Tensor]:
        tensors = self._groups()[group]
        return [tensors[name].detach().clone() for name in names]

    def rows(self, group: Group, parts: Sequence[tuple[str, int, int | None]]) -> list[Tensor]:
        tensors = self._groups()[group]
        found = [(tensors[name].detach(), start, stop) for name, start, stop in parts]
        return [(t if stop is None else t[start:stop]).clone() for t, start, stop in found]

    def metadata(self) -> dict[str, str]:
        return {}


def _unreadable(path: Path) -> str:
    if _is_cut_off(path):
        return f"'{path}' is damaged or incomplete (a zip file without its end): copy or save it again."
    names = _foreign_names(path)
    safe = [name for name in names if name.partition(".")[0] not in DANGEROUS]
    if names and safe == names:
        listed = ", ".join(names[:6])
        return (
            f"'{path}' holds more than weights ({listed}), and reading that could run code hidden in it, so it was not opened: "
            f"save the state dict alone, or, where you made the file yourself, import {listed} and read it inside "
            f"`with torch.serialization.safe_globals([{listed}]):`."
        )
    what = f" (it would run {names[0]})" if names else ""
    return (
        f"'{path}' is not a plain file of weights{what}, and reading a pickle could run code hidden in it, so it was not "
        "opened: save the state dict alone, with safetensors.torch.save_file(model.state_dict(), …)."
    )


def _is_cut_off(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"PK" and not is_archive(path)


def _foreign_names(path: Path) -> list[str]:
    """Classes and functions that reading the file would call for beside torch's own; nothing is run."""
    try:
        names = torch.serialization.get_unsafe_globals_in_checkpoint(path)
        if names:  # a dtype is built as one of its own class, which the reader asks for in turn
            return sorted({*names, *(NUMBER_TYPES if "numpy.dtype" in names else ())})
    except Exception:  # an old or a damaged file: the reader's own message may name one
        pass
    try:
        torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        named = re.search(
            r"Unsupported (?:global|class): GLOBAL (\S+)|WeightsUnpickler[^<]*<?class '?([\w.]+)", str(error)
        )
        return [next(name for name in named.groups() if name)] if named else []
    return []


def chosen_group(shapes: Mapping[Group, Any], path: Path, key: str | None = None) -> Group:
    """The group of tensors that is meant: by its key, else the known ones, the top, or the only one.

    Raises
    ------
    InputError  no such key, or several groups of which none is known
    """
    groups = list(shapes)
    if key is not None:
        named = [g for g in groups if ".".join(g) == key or (g and g[-1] == key)]
        if len(named) != 1:
            raise InputError(f"'{path}' has no weights under key={key!r}: it has {group_text(groups)}.")
        return named[0]
    for known in KNOWN_GROUPS:
        inside = [g for g in groups if g[:1] == (known,)]
        if inside:
            return inside[0]
    if () in groups:
        return ()
    if len(groups) > 1:
        raise InputError(
            f"'{path}' holds several sets of weights ({group_text(groups)}): say which is meant, as in "
            f"key={'.'.join(groups[0])!r}."
        )
    return groups[0]


def group_text(groups: Sequence[Group]) -> str:
    """The keys of groups for people."""
    return ", ".join(repr(".".join(g)) if g else "tensors at its top" for g in groups)
