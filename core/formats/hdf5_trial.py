"""HDF5 and NetCDF files are read for trial in a process of its own: in a damaged one the library may crash or never come back.

Run as a program, this reads paths from its input, a line each, and answers each with a line; it needs neither torch nor the
rest of this project. Imported, it keeps one such process, asks it, and ends it where it does not answer.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import select
import signal
import subprocess
import sys
import threading

SECONDS = 10.0  # of the process's own work, after which it is ended; an ordinary file takes milliseconds
PATIENCE = 120.0  # seconds to wait for it, as others may keep the machine busy
ROOM = 4 * 2**30  # bytes of addresses


class TrialReader:
    """The process that reads for trial, begun when it is first needed."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._good: dict[tuple[str, int, int, int], None] = {}

    def passes(self, path: str) -> bool:
        """Whether everything in a file but its large numbers can be read."""
        about = os.stat(path)
        state = (os.path.abspath(path), about.st_mtime_ns, about.st_size, about.st_ino)
        with self._lock:
            if state not in self._good and self._asked(state[0]):
                self._good[state] = None
            return state in self._good

    def _asked(self, path: str) -> bool:
        process = self._running()
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(os.fsencode(path).replace(b"\n", b"\0") + b"\n")
            process.stdin.flush()
            ready, _, _ = select.select([process.stdout], [], [], PATIENCE)
            answer = process.stdout.readline() if ready else b""
        except OSError:
            answer = b""
        if not answer:
            self.end()
        return answer == b"read\n"

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self._process = subprocess.Popen(
                [sys.executable, "-I", __file__],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        return self._process

    def end(self) -> None:
        """End the process; it ends by itself where this one does."""
        if self._process is not None:
            self._process.kill()
            with self._process:
                pass
            self._process = None


TRIAL = TrialReader()
atexit.register(TRIAL.end)


def _main() -> None:
    with contextlib.suppress(ImportError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (ROOM, ROOM))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for line in sys.stdin.buffer:
        path = os.fsdecode(line[:-1].replace(b"\0", b"\n"))
        _allow(SECONDS)
        try:
            _read(path)
            answer = b"read\n"
        except Exception:
            answer = b"cannot\n"
        os.write(1, answer)


def _allow(seconds: float) -> None:
    """End this process after so much more work, in the library's own loops too."""
    with contextlib.suppress(AttributeError):  # where there are no such timers the one that asks ends it
        signal.setitimer(signal.ITIMER_PROF, seconds)


def _read(path: str) -> None:
    """Read all names, sizes and attributes; numbers of a fixed size are not read."""
    import h5py

    outside: list[object] = []  # then its reader refuses it, and nothing of it may be opened here

    def led(name: str, link: object) -> None:
        outside.extend([name] if isinstance(link, h5py.ExternalLink) else [])

    def lies(name: str, item: object) -> None:
        outside.extend([name] if isinstance(item, h5py.Dataset) and (item.is_virtual or item.external) else [])

    with h5py.File(path, "r") as file:
        file.visititems_links(led)
        file.visititems(lies)
        if outside:
            return
        file.visititems(_look)
        _attributes(file)
    _as_netcdf(path)


def _as_netcdf(path: str) -> None:
    """Dimensions are found through references, which damage leads astray; that it is no NetCDF file its reader says."""
    with contextlib.suppress(Exception):
        import h5netcdf

        with h5netcdf.File(path, "r") as file:
            for variable in file.variables.values():
                _ = variable.dimensions, variable.shape, dict(variable.attrs)


def _look(name: str, item: object) -> None:
    import h5py

    _attributes(item)
    if isinstance(item, h5py.Dataset):
        _ = item.chunks, item.fillvalue
        if item.dtype.kind == "O" and item.size and item.size <= 2**20:
            item[()]


def _attributes(item: object) -> None:
    for key in item.attrs:  # type: ignore[attr-defined]
        with contextlib.suppress(TypeError):  # a kind of number that NumPy does not know
            item.attrs[key]  # type: ignore[attr-defined]


if __name__ == "__main__":
    _main()
