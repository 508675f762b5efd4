"""Landscapes in the folder that say they are of a network: told by their headers, and nothing runs."""

from __future__ import annotations

import json
import shlex
import zipfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from lossnav.core.plane.kinds import kind_stored
from lossnav.core.survey import LandscapeInfo

from . import workspace
from .request.base import stem

LARGEST_HEADER = 4 * 2**20  # bytes
GROUP, ALPHA, BETA = "zarr.json", "alpha/zarr.json", "beta/zarr.json"


@dataclass(frozen=True)
class Beside:
    """A landscape in the folder.

    name   in the menu of models
    plane  its kind, for people
    shape  points along α and β
    info   what it says of itself
    """

    name: str
    plane: str
    shape: tuple[int, int]
    info: LandscapeInfo

    @property
    def title(self) -> str:
        """Name, plane and grid: "sgd.zarr · Training path, 25 × 25"."""
        return f"{self.name} · {self.plane}, {self.shape[0]} × {self.shape[1]}"


def landscapes_beside(target: str) -> list[Beside]:
    """Those of the folder's landscapes that were measured of this target, or have its name where they do not say of what.

    Whether network and data are still those, only running the file would tell.
    """
    listed = []
    for name in workspace.latest().of(workspace.LANDSCAPE):
        path = workspace.path_of(name)
        with suppress(OSError):
            about = _header(path, (path / GROUP if path.is_dir() else path).stat().st_mtime_ns)
            if about is not None and _is_of(about[0], target):
                info, shape = about
                kind = kind_stored(str(info.plane.get("kind", "")))
                listed.append(Beside(name, kind.title if kind else "another plane", shape, info))
    return listed


def _is_of(info: LandscapeInfo, target: str) -> bool:
    surveyed = surveyed_target(info.provenance)
    return Path(surveyed).name == Path(target).name if surveyed else info.name == stem(target)


def surveyed_target(runs: Sequence[Mapping[str, Any]] | None) -> str:
    """What a landscape's survey was given, by the command of its last run that says so; empty where none does.

    >>> surveyed_target([{"command": "lossnav survey runs/sgd.py --grid 25x25"}, {"command": "python"}])
    'runs/sgd.py'
    """
    return next((name for run in reversed(runs or ()) if (name := _surveyed(str(run.get("command", ""))))), "")


def _surveyed(command: str) -> str:
    """The target in a survey's command line."""
    try:
        words = shlex.split(command)
    except ValueError:
        return ""
    return words[2] if words[:2] == ["lossnav", "survey"] and len(words) > 2 and not words[2].startswith("-") else ""


@lru_cache(maxsize=512)
def _header(path: Path, _changed: int) -> tuple[LandscapeInfo, tuple[int, int]] | None:
    """What a store says of itself, and its grid; None: it is no store of lossnav's, or cannot be read."""
    try:
        group, alpha, beta = (_json(path, name) for name in (GROUP, ALPHA, BETA))
        info = LandscapeInfo.from_json(group["attributes"]["about"])
        return info, (int(alpha["shape"][0]), int(beta["shape"][0]))
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError, zipfile.BadZipFile):
        return None


def _json(path: Path, name: str) -> Mapping[str, Any]:
    if path.is_dir():
        file = path / name
        if file.is_symlink() or file.stat().st_size > LARGEST_HEADER:
            raise ValueError(name)
        return dict(json.loads(file.read_text("utf-8")))
    with zipfile.ZipFile(path) as archive:
        if archive.getinfo(name).file_size > LARGEST_HEADER:
            raise ValueError(name)
        return dict(json.loads(archive.read(name)))
