"""Numbers of a unit that take long, kept on disk: one file for each, written whole, read where it is there."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..machine import written_whole
from .turns import in_turns

Arrays = dict[str, np.ndarray]
Unit = tuple[Any, ...]


def kept_tables(
    what: str,
    folder: Path,
    settings: Mapping[str, Any],
    units: Sequence[Unit],
    measure: Callable[..., Mapping[str, np.ndarray]],
    progress: Callable[[str, int, int], None],
    names: Sequence[str],
) -> Arrays:
    """One row for each unit of what `measure(*unit)` gives, from the folder or measured and stored there.

    settings  all that the numbers depend on beside the name of the unit: another choice is another folder
    names     of the units' files

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as place:
    ...     words = ("Squares", Path(place), {"power": 2}, [(2.0,), (3.0,)], lambda x: {"y": np.array(x**2)})
    ...     kept_tables(*words, lambda *_: None, ["a", "b"])["y"].tolist(), sorted(p.name for p in Path(place).rglob("*.npz"))
    ([4.0, 9.0], ['a.npz', 'b.npz'])
    """
    key = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:12]
    place = folder / f"{what.lower().replace(' ', '-')}-{key}"
    paths = [place / f"{name}.npz" for name in names]
    missing = [(path, unit) for path, unit in zip(paths, units, strict=True) if not path.exists()]
    place.mkdir(parents=True, exist_ok=True)
    in_turns(what, lambda each: _store(each[0], measure(*each[1])), missing, progress)
    rows = [_read(path) for path in paths]
    return {name: np.stack([row[name] for row in rows]) for name in rows[0]}


def _store(path: Path, found: Mapping[str, np.ndarray]) -> None:
    def write(place: Path) -> None:
        with place.open("wb") as file:
            np.savez_compressed(file, **found)  # type: ignore[arg-type]

    written_whole(path, write)


def _read(path: Path) -> Arrays:
    with np.load(path, allow_pickle=False) as found:
        return dict(found)
