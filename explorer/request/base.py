"""What a request is, and when its target has changed."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Protocol

from lossnav.sample_models import card, names

WATCHED = (".py", ".safetensors", ".pt", ".pth", ".bin", ".ckpt", ".npz", ".npy")  # code, weights and data


class Request(Protocol):
    """Something to compute: the `lossnav` arguments that do it, without --out, the second of them the target; and where the result is kept."""

    @property
    def arguments(self) -> list[str]: ...

    @property
    def path(self) -> Path: ...


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
