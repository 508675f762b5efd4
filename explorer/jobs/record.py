"""A job's record on disk: whoever finds it there can show it, end it, or start it again."""

from __future__ import annotations

import hashlib
import math
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from lossnav.core.sealed import read_json, write_json
from platformdirs import user_cache_path

from .lock import held

MOST_KEPT = 50  # records of work that is over
RESULTS = (".zarr", ".json", ".nc", ".npz")  # how results end
LAST_PID = 2**31 - 1  # pid_t of every system


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


@dataclass(frozen=True)
class DamagedRecord:
    """A record that is not what was written.

    Of what it was, only this is known: whether a process is at it, and which result is kept under its name, if it is there.
    """

    place: Path

    @property
    def at_work(self) -> bool:
        """Whether a process is at it now."""
        return held(self.place.with_suffix(".lock"))

    @property
    def path(self) -> Path | None:
        """The result whose record lies here; None: none such is in the cache."""
        beside = (each for kind in folder().parent.glob("*/") if kind != folder() for each in kind.iterdir())
        return next((path for each in beside for path in _results(each) if _place(path) == self.place), None)

    def forget(self) -> None:
        """Remove the record alone: a process that is at it keeps its lock, and what it writes."""
        self.place.unlink(missing_ok=True)
        if not self.at_work:
            self.place.with_suffix(".lock").unlink(missing_ok=True)


def damaged() -> list[DamagedRecord]:
    """Every record that is not what was written."""
    return [
        DamagedRecord(place) for place in sorted(folder().glob("*.json")) if _read(place) is None and place.exists()
    ]


def at_work() -> int:
    """How many pieces of work have a process now, also those whose record is damaged."""
    return sum(each.at_work for each in records()) + sum(each.at_work for each in damaged())


def _results(each: Path) -> list[Path]:
    """What a file in the cache may be the result or the log of."""
    return [each] if each.suffix != ".log" else [each.with_suffix(end) for end in RESULTS]


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
    """A record that is whole; None: it is not there, or `damaged`."""
    with suppress(OSError, ValueError, TypeError, KeyError):
        content = read_json(place, sealed=True)
        paths = {name: Path(content[name]) for name in ("path", "server")}
        record = Record(**{**content, **paths, "arguments": tuple(content["arguments"])})
        return record if _means_something(record) and _place(record.path) == place else None
    return None


def _means_something(record: Record) -> bool:
    """Whether the fields are what they should be: a process of such a number would be ended."""
    times = [record.asked, *([] if record.started is None else [record.started])]
    return (
        all(isinstance(word, str) for word in record.arguments)
        and all(isinstance(time, int | float) and math.isfinite(time) for time in times)
        and (record.pid is None or (type(record.pid) is int and 1 < record.pid <= LAST_PID))
        and (record.code is None or type(record.code) is int)
        and type(record.cancelled) is bool
    )
