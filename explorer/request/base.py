"""What a request is, and when its target has changed."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Protocol

from lossnav.sample_models import card, names

WATCHED = (".py", ".safetensors", ".pt", ".pth", ".bin", ".ckpt", ".npz", ".npy")  # code, weights and data
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
    """A stamp that changes when a target's network does: a sample's card; for a file or a module, the newest code or weights beside it.

    Weights kept elsewhere are not seen: "Recompute" on the page, or --overwrite, measures them anew.
    """
    if target in names():
        return json.dumps(card(target), sort_keys=True)
    folder = _folder(target)
    times = [p.stat().st_mtime_ns for p in folder.iterdir() if p.suffix in WATCHED] if folder else []
    return str(max(times, default=0))


def _folder(target: str) -> Path | None:
    name = target.partition(":")[0]
    if not name.endswith(".py") and not Path(name).is_dir():
        try:
            spec = importlib.util.find_spec(name)
        except (ImportError, ValueError):
            return None
        name = (spec and spec.origin) or ""
    folder = Path(name).resolve() if Path(name).is_dir() else Path(name).resolve().parent
    return folder if name and folder.is_dir() else None
