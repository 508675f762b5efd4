"""What a server's memory consists of while sessions come and go: objects held, and what lies free in the C library's heaps.

    python -m benchmarks.server_memory                         # 6 rounds of 8 sessions, 4 minutes
    python -m benchmarks.server_memory --as-it-was             # the C library left as it is by default

Rounds of the sessions of `benchmarks.load`, which click without thinking; after each all are closed, and the server counts what it
has. Objects that grow from round to round are held by somebody; heaps that grow beside them are in pieces. Streamlit itself keeps
closed sessions for two minutes, so that both rise until then. Linux with glibc.
"""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import gc
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from . import load

OUT, PORT = "LOSSNAV_MEMORY_OUT", "LOSSNAV_MEMORY_PORT"
FIELDS = ("arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost")
SEEN = 12  # classes that are named


class Heaps(ctypes.Structure):
    """glibc's `struct mallinfo2`, in bytes."""

    _fields_ = [(name, ctypes.c_size_t) for name in FIELDS]


def counted() -> dict[str, Any]:
    """What this process has, in MB and objects."""
    gc.collect()
    library = ctypes.CDLL(None)
    library.mallinfo2.restype = Heaps
    heaps, objects = library.mallinfo2(), gc.get_objects()
    arrays = {id(each): each.nbytes for one in objects for each in gc.get_referents(one) if type(each) is np.ndarray}
    kinds = Counter(f"{type(one).__module__}.{type(one).__qualname__}" for one in objects)
    return {
        "resident": psutil.Process().memory_info().rss / 2**20,
        "heaps": heaps.arena / 2**20,
        "free in heaps": heaps.fordblks / 2**20,
        "large blocks": heaps.hblkhd / 2**20,
        "arrays": sum(arrays.values()) / 2**20,
        "objects": len(objects),
        "most": dict(kinds.most_common(SEEN)),
    }


def serve() -> None:
    """A server that counts when it is asked to by a signal."""

    def noted(*_: object) -> None:
        with Path(os.environ[OUT]).open("a", encoding="utf-8") as file:
            file.write(json.dumps(counted()) + "\n")

    from lossnav.explorer.cli import main as command

    signal.signal(signal.SIGUSR1, noted)
    sys.argv = ["lossnav", "explore", "--port", os.environ[PORT]]
    command()


async def rounds(asked: argparse.Namespace, folder: Path) -> list[dict[str, Any]]:
    """What the server counted after each round."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    out, log = folder / "counted", folder / "server.log"
    out.touch()
    setting = {"LD_PRELOAD": ""} if asked.as_it_was else {}  # whatever a person sets is left alone
    environment = {**load._own(folder), OUT: str(out), PORT: str(port), **setting}
    words = [sys.executable, "-c", "from benchmarks.server_memory import serve; serve()"]
    environment["PYTHONPATH"] = str(Path(__file__).parent.parent)
    with (
        log.open("wb") as noise,
        subprocess.Popen(words, cwd=folder, env=environment, stdout=noise, stderr=noise) as one,
    ):
        try:
            while not (token := re.search(r"token=([\w-]+)", log.read_text(encoding="utf-8"))):
                if one.poll() is not None:
                    raise SystemExit(f"The server did not start: {log.read_text(encoding='utf-8')}")
                time.sleep(0.2)
            with load.running_survey(folder):
                for number in range(asked.rounds):
                    notes = await load.clicked(
                        port, token[1], psutil.Process(one.pid), asked.sessions, asked.minutes, 1
                    )
                    one.send_signal(signal.SIGUSR1)
                    while len(lines := out.read_text(encoding="utf-8").splitlines()) <= number:
                        await asyncio.sleep(0.2)
                    told = json.loads(lines[-1])
                    row = {k: round(v) for k, v in told.items() if k != "most"}
                    print(f"{len(notes.clicks)} clicks, {sum(notes.errors.values())} errors, {row}", flush=True)
            return [json.loads(line) for line in lines]
        finally:
            one.send_signal(signal.SIGTERM)
            one.wait(60)


def main() -> None:
    """Run it, and print what grew."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--sessions", type=int, default=8)
    parser.add_argument("--minutes", type=float, default=0.6, help="of each round")
    parser.add_argument("--as-it-was", action="store_true", help="leave the C library's setting as it is by default")
    asked = parser.parse_args()
    load.THINKING = (0.05, 0.15)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place:
        found = asyncio.run(rounds(asked, Path(place)))
    print(json.dumps({"objects after each round": [each["most"] for each in found]}, indent=1))


if __name__ == "__main__":
    main()
