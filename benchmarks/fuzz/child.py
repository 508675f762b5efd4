"""Reads spoilt inputs one after another, under limits on processor, memory and time, and notes what becomes of each."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import random
import resource
import signal
import sys
import time
import traceback
import warnings
from pathlib import Path
from typing import Any

from lossnav.core import InputError
from lossnav.core.formats import hdf5_trial

from . import seeds
from .readers import emptied, reader

ROOM = 6 * 2**30  # bytes of addresses that one reader may take beside what it starts with
SECONDS_EACH = 20.0  # an input that takes longer hangs
SENTENCE = 2000  # characters, and one line
SYSTEM = ("/proc/meminfo", "/proc/self/", "/sys/fs/cgroup/", "/dev/null", "/etc/localtime", "/usr/share/")


class HangError(BaseException):
    """An input took too long."""


def main(name: str, first: int, count: int, seed: int, place: Path) -> None:
    """Inputs number `first` … `first + count − 1`; notes go to `place`/notes, a line each, written before and after."""
    warnings.simplefilter("ignore")
    folder = place / "inputs"
    pipe = place / seeds.PIPE
    if not pipe.exists():
        os.mkfifo(pipe)  # whoever opens it waits forever
    hdf5_trial.PATIENCE = SECONDS_EACH / 4
    one = reader(name, emptied(folder))
    _settle()
    outside = _watched(place)
    _bounded()
    with (place / "notes").open("a", buffering=1) as notes:
        for number in range(first, first + count):
            path = one.make(random.Random(f"{seed}/{name}/{number}"), emptied(folder))
            notes.write(json.dumps({"number": number}) + "\n")
            notes.write(json.dumps({"number": number, **_outcome(one.read, path, outside)}) + "\n")


def _settle() -> None:
    """Where dask is installed xarray asks it whose numbers it sees; dask then reads its settings, whatever the input is."""
    with contextlib.suppress(ImportError):
        importlib.import_module("dask.array")
        importlib.import_module("distributed")


def _outcome(read: Any, path: Path, outside: list[str]) -> dict[str, Any]:
    outside.clear()
    start = time.perf_counter()
    signal.setitimer(signal.ITIMER_REAL, SECONDS_EACH)
    found = _kind(read, path)
    signal.setitimer(signal.ITIMER_REAL, 0)
    opened = sorted(set(outside))
    return {**found, "seconds": time.perf_counter() - start, **({"outside": opened} if opened else {})}


def _kind(read: Any, path: Path) -> dict[str, Any]:
    try:
        read(path)
    except (InputError, OSError) as error:  # what the command says of either is one sentence
        text = str(error)
        whole = isinstance(error, InputError) and len(text) <= SENTENCE and "\n" not in text
        return (
            {"kind": "sentence"} if whole else {"kind": "traceback", "what": f"{type(error).__name__}: {text[:300]!r}"}
        )
    except HangError:
        return {"kind": "hang", "what": "".join(traceback.format_exc().splitlines()[-4:])}
    except BaseException as error:
        mine = [f"{Path(f.filename).name}:{f.lineno}" for f in traceback.extract_tb(error.__traceback__)]
        return {"kind": "traceback", "what": f"{type(error).__name__}: {str(error)[:300]!r} at {' '.join(mine[-6:])}"}
    return {"kind": "answer"}


def _bounded() -> None:
    def late(*_: object) -> None:
        raise HangError

    signal.signal(signal.SIGALRM, late)
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + ROOM, taken + ROOM))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _watched(place: Path) -> list[str]:
    """Grows by every file that Python opens outside the inputs' folder, its own code and what says how much memory is free."""
    found: list[str] = []
    own = (str(place), sys.prefix, sys.base_prefix, *SYSTEM, *(p for p in sys.path if p), *_code())

    def audit(event: str, arguments: tuple[Any, ...]) -> None:
        if event in ("open", "os.mkdir", "os.remove", "os.rename", "subprocess.Popen", "os.system", "socket.connect"):
            path = arguments[0]
            if isinstance(path, bytes | str | os.PathLike):
                text = os.path.abspath(os.fsdecode(path))
                if not text.startswith(own):
                    found.append(f"{event} {text}")

    sys.addaudithook(audit)
    return found


def _code() -> tuple[str, ...]:
    """Where the code lies, and what the libraries keep of their own."""
    import lossnav.core

    root = Path(next(iter(lossnav.core.__path__))).parent
    return (
        str(root),
        str(root.resolve().parent),
        str(Path.home() / ".streamlit"),
        str(Path.home() / ".cache"),
        str(Path.home() / ".config" / "matplotlib"),
        "/tmp/torch",
    )


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), Path(sys.argv[5]))
