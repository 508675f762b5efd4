"""One piece of work as a page sees it: waiting, at work, or over, whoever started it."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from .record import Record, record_of

QUEUED, RUNNING, FAILED, STOPPED, ENDED = "queued", "running", "failed", "stopped", "ended"
PATIENCE = 10.0  # seconds that a process has to end when it is asked to, before it is made to


@dataclass
class Job:
    """One command.

    process  where this server started it
    outside  whether a process that no page started writes the result, as a command in a terminal does
    refused  why it could not even be begun, in a sentence; nothing of it is on the disk
    paces    what it is at → when that was first seen, and how far it was then
    """

    record: Record
    process: subprocess.Popen[bytes] | None = None
    outside: bool = False
    refused: str | None = None
    paces: dict[str, tuple[float, int]] = field(default_factory=dict)

    @property
    def state(self) -> str:
        """QUEUED, RUNNING, FAILED, STOPPED or ENDED."""
        if self.running:
            return RUNNING
        if self.record.waits:
            return QUEUED
        if self.failure is not None:
            return FAILED
        return STOPPED if self.stopped else ENDED

    @property
    def open(self) -> bool:
        """Whether it is at work, or will be."""
        return self.refused is None and (self.running or self.record.waits)

    @property
    def running(self) -> bool:
        """Whether a process is at work."""
        if self.process is not None:
            return self.process.poll() is None
        if self.outside or self.refused is not None:
            return self.outside
        self.record = record_of(self.record.path) or self.record  # another server writes it
        return self.record.at_work

    @property
    def log(self) -> Path:
        """The file of what it printed."""
        return self.record.log

    @property
    def started(self) -> float:
        """Seconds since the epoch; when it was asked for, where it waits."""
        return self.record.started or self.record.asked

    @property
    def code(self) -> int | None:
        """Exit code of its process; None: unknown."""
        return self.record.code if self.process is None else self.process.poll()

    @property
    def failure(self) -> str | None:
        """The sentence that it ended with, where it failed."""
        if self.refused is not None or self.running or self.record.cancelled or self.record.started is None:
            return self.refused
        lines = self._printed()
        last = lines[-1].removeprefix("lossnav: ") if lines else f"It ended with code {self.code}."
        if self.code is None:  # its server was gone by then
            return last if lines and (lines[-1] != last or lines[0].startswith("Traceback")) else None
        return last if self.code > 0 else None  # a negative code is a signal: it was stopped, and can go on

    @property
    def says(self) -> str:
        """The last line that it printed; empty: none yet."""
        return next(iter(self._printed()[-1:]), "")

    def _printed(self) -> list[str]:
        with suppress(OSError):
            return self.log.read_text(errors="replace").strip().splitlines()
        return []

    @property
    def stopped(self) -> bool:
        """Whether it was ended from outside, by a person or by the system, or never came to its turn."""
        return not self.open and (self.record.cancelled or self.record.started is None or (self.code or 0) < 0)

    def cancel(self) -> None:
        """Stop it; what was measured is kept."""
        if self.outside:
            return  # it is not ours to end
        self.record = (record_of(self.record.path) or self.record).changed(cancelled=True)
        for way in (signal.SIGTERM, getattr(signal, "SIGKILL", signal.SIGTERM)):
            if self._ended_by(way):
                return

    def _ended_by(self, way: int) -> bool:
        """Send a signal, and wait for the end of it."""
        if self.process is not None:
            self.process.send_signal(way)
        elif self.record.pid is not None and self.record.at_work:  # what holds the lock is this very process
            with suppress(ProcessLookupError):
                os.kill(self.record.pid, way)
        deadline = time.monotonic() + PATIENCE
        while self.running and time.monotonic() < deadline:
            time.sleep(0.02)
        return not self.running

    def remaining(self, what: str, done: int, total: int) -> float | None:
        """Seconds until `what` it is at is done, at its pace so far, or None until that is known."""
        now = time.monotonic()
        since, first = self.paces.setdefault(what, (now, done))
        if now - since < 2 or done <= first:
            return None
        return (now - since) * (total - done) / (done - first)
