"""Checkpoints of the training paths of networks whose code has run in this server."""

from __future__ import annotations

from pathlib import Path

_checkpoints: dict[tuple[str, float], int] = {}


def written(target: str) -> float:
    """When the file was written last, so that a changed one counts as another."""
    path = Path(target.partition(":")[0])
    return path.stat().st_mtime if path.is_file() else 0.0


def remember(target: str, checkpoints: int) -> bool:
    """Keep the number of a target's checkpoints; whether that is news."""
    key = (target, written(target))
    known = _checkpoints.get(key)
    _checkpoints[key] = checkpoints
    return known != checkpoints


def remembered(target: str) -> int | None:
    """The number of a target's checkpoints; None: its code, as it is now, has not run here."""
    return _checkpoints.get((target, written(target)))
