"""A job's record on disk: whoever finds it there can show it, end it, or start it again."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from lossnav.core.sealed import read_json, write_json
from platformdirs import user_cache_path

from .lock import held

MOST_KEPT = 50  # records of work that is over


@dataclass(frozen=True)
class Again:
    """A request that is known by its record alone."""

    arguments: list[str]
    path: Path


@dataclass(frozen=True)
class Record:
    """A piece of work.

    path       where its result is kept: one place, one piece of work
    arguments  of `lossnav`, without --out
    asked      seconds since the epoch
    server     the lock of the server that has it in its queue
    started    seconds since the epoch; None: it waits
    pid        of the process that is at it, which holds `lock`
    code       what that ended with; None: it has not ended, or nobody was there to see
    cancelled  whether a person ended it
    """

    path: Path
    arguments: tuple[str, ...]
    asked: float
    server: Path
    started: float | None = None
    pid: int | None = None
    code: int | None = None
    cancelled: bool = False

    @property
    def log(self) -> Path:
        """The file of what it printed."""
        return self.path.with_suffix(".log")

    @property
    def lock(self) -> Path:
        """The file that the process at work holds."""
        return _place(self.path).with_suffix(".lock")

    @property
    def at_work(self) -> bool:
        """Whether a process is at it now."""
        return held(self.lock)

    @property
    def waits(self) -> bool:
        """Whether it is in the queue of a server that is there."""
        return self.started is None and not self.cancelled and held(self.server)

    def write(self) -> None:
        """Keep it."""
        content = {k: str(v) if isinstance(v, Path) else v for k, v in asdict(self).items()}
        place = _place(self.path)
        place.parent.mkdir(parents=True, exist_ok=True)
        write_json(place, content)

    def changed(self, **fields: Any) -> Record:
        """The same record with other fields, kept."""
        found = replace(self, **fields)
        found.write()
        return found

    def forget(self) -> None:
        """Remove the record; nothing of the result."""
        for place in (_place(self.path), self.lock):
            place.unlink(missing_ok=True)


def folder() -> Path:
    """Where records are kept."""
    return user_cache_path("lossnav") / "work"


def record_of(path: Path) -> Record | None:
    """The record of the work whose result is kept at `path`."""
    return _read(_place(path))


def records() -> list[Record]:
    """Every record, the newest first."""
    found = [record for place in folder().glob("*.json") if (record := _read(place)) is not None]
    return sorted(found, key=lambda record: record.asked, reverse=True)


def sweep() -> None:
    """Forget the oldest of what is over."""
    over = [record for record in records() if not record.at_work and not record.waits]
    for record in over[MOST_KEPT:]:
        record.forget()
    for server in folder().glob("server-*.lock"):
        if not held(server):
            server.unlink(missing_ok=True)


def _place(path: Path) -> Path:
    return folder() / f"{hashlib.sha256(str(path).encode()).hexdigest()[:16]}.json"


def _read(place: Path) -> Record | None:
    """A record that is whole; one that is not says nothing."""
    with suppress(OSError, ValueError, TypeError, KeyError):
        content = read_json(place)
        paths = {name: Path(content[name]) for name in ("path", "server")}
        return Record(**{**content, **paths, "arguments": tuple(content["arguments"])})
    return None
