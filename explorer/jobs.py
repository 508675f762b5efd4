"""Background work: a child process that runs the `lossnav` command a user would type.

The page only reads what it writes; a closed browser or a killed process loses nothing that was measured.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol


class Request(Protocol):
    """Something to compute: the `lossnav` arguments that do it, without --out, and where the result is kept."""

    @property
    def arguments(self) -> list[str]: ...

    @property
    def path(self) -> Path: ...


@dataclass
class Job:
    """One running or ended command.

    started  seconds since the epoch
    log      file of what it printed
    paces    what it is at → when that was first seen, and how far it was then
    """

    request: Request
    process: subprocess.Popen[bytes]
    log: Path
    started: float = field(default_factory=time.time)
    cancelled: bool = False
    paces: dict[str, tuple[float, int]] = field(default_factory=dict)

    @property
    def running(self) -> bool:
        """Whether the process is at work."""
        return self.process.poll() is None

    @property
    def failure(self) -> str | None:
        """The sentence that it ended with, where it failed."""
        if self.running or self.process.returncode <= 0 or self.cancelled:
            return None  # a negative code is a signal: it was stopped, and can go on
        lines = self.log.read_text(errors="replace").strip().splitlines()
        return lines[-1].removeprefix("lossnav: ") if lines else f"It ended with code {self.process.returncode}."

    @property
    def stopped(self) -> bool:
        """Whether it was ended from outside, by a person or by the system."""
        return not self.running and (self.cancelled or self.process.returncode < 0)

    def cancel(self) -> None:
        """Stop it; what was measured is kept."""
        self.cancelled = True
        self.process.terminate()
        self.process.wait(timeout=10)

    def remaining(self, what: str, done: int, total: int) -> float | None:
        """Seconds until `what` it is at is done, at its pace so far, or None until that is known."""
        now = time.monotonic()
        since, first = self.paces.setdefault(what, (now, done))
        if now - since < 2 or done <= first:
            return None
        return (now - since) * (total - done) / (done - first)


class Jobs:
    """What this server has started, by the place of its result."""

    def __init__(self) -> None:
        self._jobs: dict[Path, Job] = {}

    def start(self, request: Request, overwrite: bool = False, repair: bool = False) -> Job:
        """Start computing `request`, or give the job that is at it already."""
        path = request.path
        job = self._jobs.get(path)
        if job is not None and job.running:
            return job
        words = [
            *request.arguments,
            "--out",
            str(path),
            *(["--overwrite"] if overwrite else []),
            *(["--repair"] if repair else []),
        ]
        log = path.with_suffix(".log")
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "lossnav.explorer.cli", *words],
                stdout=output,
                stderr=output,
                env=self._environment(),
            )
        self._jobs[path] = Job(request, process, log)
        return self._jobs[path]

    def _environment(self) -> dict[str, str]:
        """A share of the cores for each survey that runs: more threads than cores slow one another many times over."""
        running = sum(job.running for job in self._jobs.values())
        threads = max(1, (os.cpu_count() or 1) // (running + 1))
        return {"OMP_NUM_THREADS": str(threads), **os.environ}

    def of(self, request: Request) -> Job | None:
        """The job of `request`, running or ended, if this server started one."""
        return self._jobs.get(request.path)
