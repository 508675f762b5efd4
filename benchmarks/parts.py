"""Parts of a run that has to end in time: each in a process of its own, with its share of what is left, and a table that comes last.

A part is a function that takes a `Session` and yields rows (what, number, remark). Where the next row may take longer than is
left, as the longest after the first did, the rest is left out and the table says so; a part that does not come to its next row is ended.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path

Row = tuple[str, str, str, str]
FAILED, ENDED, LEFT_OUT = "FAILED", "ENDED", "left out"
SPARE = 0.8  # of a part's time, after which it begins no further row
LEAST = 5.0  # seconds that a part needs to begin with


@dataclass(frozen=True)
class Session:
    """What a part knows: the device's name, the folder for its files, and when it has to be through (`time.monotonic`)."""

    device: str
    folder: Path
    deadline: float

    @property
    def seconds_left(self) -> float:
        """Until its deadline."""
        return self.deadline - time.monotonic()

    def fitting(self, most: int, seconds_each: float, share: float = 0.5, least: int = 1) -> int:
        """How many of `most` repetitions fit into a share of what is left, where one takes so many seconds.

        >>> Session("cpu", Path(), time.monotonic() + 1000).fitting(24, 0.1), Session("cpu", Path(), 0.0).fitting(24, 0.1)
        (24, 1)
        """
        return int(max(least, min(most, share * self.seconds_left / max(seconds_each, 1e-9))))


Part = Callable[[Session], Iterator[tuple[str, str, str]]]


@dataclass
class Run:
    """All parts, one after another.

    seconds  all of them have
    rows     what the table says so far
    """

    device: str
    folder: Path
    seconds: float
    rows: list[Row] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)
    wait: Callable[[BaseProcess, float], object] = BaseProcess.join  # for the end of a process, so many seconds at most

    def all_of(self, parts: Mapping[str, tuple[Part, float]]) -> int:
        """Run parts, each with its weight in what time is left; print the table, whatever happens; 1 where one did not succeed."""
        weights = {name: weight for name, (_, weight) in parts.items()}
        try:
            for name, (part, _) in parts.items():
                left = self.started + self.seconds - time.monotonic()
                self._one(name, part, left * weights[name] / sum(weights.values()))
                del weights[name]
        finally:
            self.rows += [(name, "", LEFT_OUT, "the run was stopped before") for name in weights]
            (self.folder / "table.txt").write_text(table(self.rows) + "\n", encoding="utf-8")
            print(table(self.rows), flush=True)
        return int(any(row[2] in (FAILED, ENDED) for row in self.rows))

    def _one(self, name: str, part: Part, seconds: float) -> None:
        if seconds < LEAST:
            self.rows.append((name, "", LEFT_OUT, "no time left"))
            return
        place, began = self.folder / f"{name}.jsonl", time.monotonic()
        place.write_text("", encoding="utf-8")
        session = Session(self.device, self.folder, began + seconds)
        process = multiprocessing.get_context("spawn").Process(target=_alone, args=(part, session, place), daemon=False)
        process.start()
        try:
            self.wait(process, seconds)
            ended, code = process.is_alive(), process.exitcode
        finally:
            _end(process)
            self.rows += [(name, *row) for row in _rows(place)]
        if ended:
            self.rows.append((name, "", ENDED, f"not through after its {seconds:.0f} s; what stands above was"))
        elif code:
            self.rows.append((name, "", FAILED, f"its process ended with {code}"))
        self.rows.append((name, "seconds", f"{time.monotonic() - began:.0f}", ""))


def _alone(part: Part, session: Session, place: Path) -> None:
    """A part in its own process."""
    if hasattr(os, "setsid"):
        os.setsid()  # what it starts is ended with it
    _work(part, session, place)


def _work(part: Part, session: Session, place: Path) -> None:
    """A part's rows, each written as soon as it is there."""
    with place.open("a", encoding="utf-8") as rows:

        def said(*row: str) -> None:
            rows.write(json.dumps(row) + "\n")
            rows.flush()

        room, longest = session.seconds_left * (1 - SPARE), 0.0
        last: float | None = None
        try:
            for row in part(session):
                said(*row)
                now = time.monotonic()
                longest = max(
                    longest, now - (last or now)
                )  # but the first row's, whose time is that of making ready too
                last = now
                if session.seconds_left < room + longest:
                    said("the rest", LEFT_OUT, "no time left")
                    break
        except Exception as error:
            said("", FAILED, f"{type(error).__name__}: {' '.join(str(error).split())[:160]}")


def _end(process: BaseProcess) -> None:
    if process.is_alive() and process.pid is not None:
        with suppress(ProcessLookupError, PermissionError):
            if hasattr(os, "killpg") and os.getpgid(process.pid) == process.pid:
                os.killpg(process.pid, signal.SIGKILL)
        process.kill()
    process.join()


def _rows(place: Path) -> list[tuple[str, str, str]]:
    """Whole rows; the last one may have been cut off."""
    found = []
    for line in place.read_text(encoding="utf-8").splitlines():
        with suppress(ValueError):
            what, number, remark = json.loads(line)
            found.append((what, number, remark))
    return found


def table(rows: list[Row]) -> str:
    """Rows in columns.

    >>> print(table([("ways", "plain", "1e-7", ""), ("speed", "", "left out", "no time left")]))
    ways   plain  1e-7
    speed         left out  no time left
    """
    widths = [max((len(row[i]) for row in rows), default=0) for i in range(3)]
    lines = ([*(cell.ljust(width) for cell, width in zip(row[:3], widths, strict=True)), row[3]] for row in rows)
    return "\n".join("  ".join(cells).rstrip() for cells in lines)
