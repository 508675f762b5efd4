"""What `make test` runs: its stages side by side, so that the cores are busy while browsers wait, and one that failed named last.

    python tests/stages.py

The tests are watched; what another stage says comes whole when it ends. Ctrl-C ends all of them.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from tempfile import TemporaryFile
from typing import IO

PYTEST = ("pytest", "--dist", "loadfile")
WATCHED = "tests"
FIRST = {"ruff": ("ruff", "check", "."), "format": ("ruff", "format", "--check", ".")}
TOGETHER = {
    WATCHED: (*PYTEST, "-n", "3", "--no-loadscope-reorder", "--durations", "20", "-m", "not browser and not cuda"),
    "browser": (*PYTEST, "-n", "2", "--durations", "5", "--maxfail", "4", "-m", "browser", "tests/explorer"),
    "types": ("mypy",),
}
# a page that is waited for, and hands that drag over it, go before what only computes
BEHIND = {WATCHED: ("nice", "-n", "10")} if shutil.which("nice") else {}
LAST = {"cuda": ("pytest", "-m", "cuda", "tests/core")}  # each has the machine to itself


def main() -> int:
    """Run all of them, each group where the one before it passed; 1 where one failed."""
    codes: dict[str, int] = {}
    for group in (FIRST, TOGETHER, LAST):
        codes |= ran(group)
        if any(codes.values()):
            print(f"\nFailed: {', '.join(name for name, code in codes.items() if code)}.")
            return 1
    return 0


def ran(stages: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Run stages at once; their exit codes. Each is a module of this Python and its arguments."""
    started, codes = time.monotonic(), dict[str, int]()
    with ExitStack() as stack:
        outputs = {name: stack.enter_context(TemporaryFile()) for name in stages if name != WATCHED}
        running = {name: stack.enter_context(_begun(name, words, outputs.get(name))) for name, words in stages.items()}
        while running:
            time.sleep(0.1)
            for name in [name for name, process in running.items() if process.poll() is not None]:
                codes[name] = running.pop(name).returncode
                said = _read(outputs[name]) if name in outputs else ""
                minutes = (time.monotonic() - started) / 60
                print(f"{said}\n— {name} {'failed' if codes[name] else 'passed'}, {minutes:.1f} minutes", flush=True)
    return codes


def _begun(name: str, words: Sequence[str], output: IO[bytes] | None) -> subprocess.Popen[bytes]:
    error = None if output is None else subprocess.STDOUT
    command = [*BEHIND.get(name, ()), sys.executable, "-m", *words]
    return subprocess.Popen(command, stdout=output, stderr=error)


def _read(output: IO[bytes]) -> str:
    output.seek(0)
    return "\n" + output.read().decode(errors="replace").rstrip()


if __name__ == "__main__":
    sys.exit(main())
