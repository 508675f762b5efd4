"""The work of a server: a few pieces at a time, the others wait their turn, and what other servers left is found again."""

from __future__ import annotations

import atexit
import os
import subprocess
import sys
import threading
import time
import uuid
from contextlib import suppress
from pathlib import Path

from filelock import FileLock
from lossnav.core.full_disk import trouble
from lossnav.core.survey import LandscapeStore
from platformdirs import user_cache_path

from ..request.base import Request
from ..server import JOBS_VARIABLE
from .job import Job
from .lock import hold
from .record import Record, at_work, folder, record_of, records, sweep

COMMAND = (sys.executable, "-m", "lossnav.explorer.cli")
CORES_EACH = 4
FEWEST = 2  # at once, so that what is short need not wait for what is long
GLANCE = 0.5  # seconds between looks for room, while something waits
NICE = 10  # of the system's 19 steps down; on cores that are idle it costs nothing
STARTING = "starting.lock"  # held by the server that looks whether something is at work, and begins it where nothing is
REAPED = 10.0  # seconds that the end of a process may take to be noted


def most_at_once() -> int:
    """How many pieces of work run at once: as the command was told, else one for every four cores, at least two.

    Fewer leave cores idle where a survey is on one thread, more have each wait for the others.
    """
    told = os.environ.get(JOBS_VARIABLE, "")
    return int(told) if told.isdigit() and int(told) else max(FEWEST, (os.cpu_count() or 1) // CORES_EACH)


def _why_not(error: OSError) -> str:
    """Why nothing can be begun where results are kept, and what to do, in a sentence."""
    why, remedy = trouble(error) or (error.strerror or str(error), "give yourself the right to write there")
    return (
        f"It cannot be begun, as nothing can be written in '{user_cache_path('lossnav')}' ({why}): {remedy}, "
        "or start lossnav with XDG_CACHE_HOME set to a folder that can be written to."
    )


def behind(pid: int) -> None:
    """Have a process that was started this moment give way to the server, which answers people; its threads come later."""
    if hasattr(os, "setpriority"):  # not on Windows
        with suppress(OSError):  # it has ended
            os.setpriority(os.PRIO_PROCESS, pid, NICE)


class Jobs:
    """Everything that is computed in this cache, by the place of its result.

    most  pieces of work at once, those of other servers counted; the others wait
    """

    def __init__(self, most: int | None = None) -> None:
        self.most = most_at_once() if most is None else most
        self._jobs: dict[Path, Job] = {}
        self._queue: list[Job] = []
        self._lock = threading.RLock()
        self._waiter: threading.Thread | None = None
        self._reapers: list[threading.Thread] = []
        self._server: Path | None = None
        self._closed = False
        atexit.register(self.close)

    def start(self, request: Request, overwrite: bool = False, repair: bool = False) -> Job:
        """Compute `request` now or in its turn, or give the job that is at it already, however many ask."""
        words = [*request.arguments, *["--overwrite"] * overwrite, *["--repair"] * repair]
        with self._lock:
            job = self.of(request)
            if job is not None and job.open:
                return job
            try:
                with FileLock(folder() / STARTING):  # another server may be about to begin the same
                    job = self.of(request)
                    return job if job is not None and job.open else self._started(request, words)
            except OSError as error:
                job = self._jobs[request.path] = Job(Record(request.path, tuple(words), time.time(), Path()))
                self._queue = [each for each in self._queue if each.record.path != request.path]
                job.refused = _why_not(error)
                return job

    def _started(self, request: Request, words: list[str]) -> Job:
        record = Record(request.path, tuple(words), time.time(), self._place())
        record.write()
        self._jobs[request.path] = job = Job(record)
        self._queue.append(job)
        self._fill()
        return job

    def of(self, request: Request) -> Job | None:
        """The job of `request`: waiting or at work whoever started it; or over, if this server started it."""
        with self._lock:
            job = self._jobs.get(request.path)
            if job is not None and job.open and not job.outside:
                return job
            record = record_of(request.path)
            if record is not None and (record.at_work or record.waits):
                self._jobs[request.path] = job = Job(record)
            elif job is None or job.outside:
                job = self._outside(request.path)
            return job

    def all(self) -> list[Job]:
        """Every piece of work that is known, the newest first."""
        with self._lock:
            jobs = [self._jobs.get(record.path) or Job(record) for record in records()]
            known = {job.record.path for job in jobs}
            for lock in (user_cache_path("lossnav") / "landscapes").glob(".*.zarr.lock"):
                path = lock.with_name(lock.name.removeprefix(".").removesuffix(".lock"))
                job = None if path in known else self._outside(path)
                jobs += [job] if job is not None else []
            return jobs

    def forget(self, job: Job) -> None:
        """Take what is over off the list; its result stays."""
        with self._lock:
            if not job.open:
                job.record.forget()
                self._jobs.pop(job.record.path, None)

    def close(self) -> None:
        """End what this server started, in good order: what was measured is kept, and can go on."""
        with self._lock:
            self._closed = True
            self._queue.clear()
            ours = [job for job in self._jobs.values() if job.process is not None and job.running]
            for job in ours:
                assert job.process is not None
                job.process.terminate()
        for job in ours:
            job.cancel()
        for reaper in self._reapers:
            reaper.join(REAPED)  # how it ended is written down before the server goes
        if ours:
            print(f"Stopped what was being computed ({len(ours)}). What was measured is kept.", file=sys.stderr)

    def _outside(self, path: Path) -> Job | None:
        """A process that no page started and that writes a landscape which is kept here."""
        known = self._jobs.get(path)
        if path.suffix != ".zarr" or not LandscapeStore(path).is_being_written:
            if known is not None and known.outside:
                del self._jobs[path]
            return None
        if known is None or not known.outside:
            known = self._jobs[path] = Job(Record(path, (), time.time(), self._place(), time.time()), outside=True)
        return known

    def _place(self) -> Path:
        """The lock of this server, which is held as long as it lives."""
        if self._server is None:
            sweep()
            server = folder() / f"server-{uuid.uuid4().hex[:12]}.lock"
            hold(server)
            self._server = server
        return self._server

    def _fill(self) -> None:
        """Begin what there is room for."""
        for job in list(self._queue):
            if not self._closed and at_work() < self.most and self._begin(job):
                self._queue.remove(job)
        if self._queue and self._waiter is None:
            self._waiter = threading.Thread(target=self._wait_for_room, daemon=True)
            self._waiter.start()

    def _wait_for_room(self) -> None:
        while True:
            time.sleep(GLANCE)
            with self._lock:
                self._fill()
                if not self._queue:
                    self._waiter = None
                    return

    def _begin(self, job: Job) -> bool:
        """Start it; False: it waits on, as a process whose record was damaged is at the same result."""
        record = record_of(job.record.path) or job.record
        lock = None if record.cancelled else hold(record.lock)
        if lock is None:  # a person ended it while it waited, or another server is at it
            job.record = record
            return record.cancelled or record.started is not None
        try:
            job.record.log.parent.mkdir(parents=True, exist_ok=True)
            with job.record.log.open("wb") as output:
                job.process = subprocess.Popen(
                    [*COMMAND, *record.arguments, "--out", str(record.path)],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    env=self._environment(),
                    start_new_session=True,  # Ctrl-C and a closed terminal are for the server, which ends it in good order
                    pass_fds=() if os.name == "nt" else (lock,),
                )
            behind(job.process.pid)
            job.record = record.changed(started=time.time(), pid=job.process.pid)
        finally:
            os.close(lock)  # from here on the child alone has it
        reaper = threading.Thread(target=self._reap, args=(job, job.process), daemon=True)
        self._reapers = [*(each for each in self._reapers if each.is_alive()), reaper]
        reaper.start()
        return True

    def _reap(self, job: Job, process: subprocess.Popen[bytes]) -> None:
        """Wait for the end of a process, so that nothing of it is left, note it, and go on with what waits."""
        code = process.wait()
        with self._lock:
            kept = record_of(job.record.path)
            if kept is not None and kept.pid == process.pid:
                job.record = kept.changed(code=code)
            self._fill()

    def _environment(self) -> dict[str, str]:
        """A share of the cores for each that runs: more threads than cores slow one another many times over."""
        running = at_work()  # itself among them: its lock is held
        threads = max(1, (os.cpu_count() or 1) // max(1, running))
        return {"OMP_NUM_THREADS": str(threads), **os.environ}
