"""Starts a child for each reader, goes on where one dies, and counts."""

from __future__ import annotations

import collections
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SILENT = 60.0  # seconds without a note, after which a child hangs where no signal reaches it
DEATHS = 20  # of children, after which a reader is given up


@dataclass
class Outcomes:
    """The outcomes of a reader's inputs.

    kinds    kind → how many: answer, sentence, traceback, hang, death
    outside  files that were opened outside
    worst    what was raised → the number of the first input that did it
    seconds  the longest that one input took
    """

    kinds: collections.Counter[str] = field(default_factory=collections.Counter)
    outside: list[str] = field(default_factory=list)
    worst: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def clean(self) -> bool:
        """Nothing but answers and sentences, and no file opened outside."""
        return set(self.kinds) <= {"answer", "sentence"} and not self.outside


def fuzzed(name: str, count: int, seed: int = 0, wall: float = 3600.0) -> Outcomes:
    """Read `count` spoilt inputs with a reader of `readers.NAMES`."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        first = 0
        for _ in range(DEATHS):
            ended = _child(name, first, count - first, seed, place, wall)
            begun = [line["number"] for line in _notes(place)]
            if ended == 0 or not begun:
                break
            first = max(begun) + 1
            if first >= count:
                break
        return _counted(_notes(place), count, ended)


def _child(name: str, first: int, count: int, seed: int, place: Path, wall: float) -> int:
    words = [sys.executable, "-m", "benchmarks.fuzz.child", name, str(first), str(count), str(seed), str(place)]
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "PYTHONFAULTHANDLER": "",
        "XDG_CACHE_HOME": str(place / "cache"),
    }
    with (place / "output").open("w") as output:
        child = subprocess.Popen(words, cwd=ROOT, env=environment, stderr=output, stdout=output)
    end, silence = time.monotonic() + wall, Silence(place / "notes")
    while child.poll() is None:
        time.sleep(0.05)
        if time.monotonic() > end or silence.seconds > SILENT:
            child.kill()
    return child.wait()


class Silence:
    """How long a file has not grown."""

    def __init__(self, path: Path) -> None:
        self.path, self._size, self._since = path, -1, time.monotonic()

    @property
    def seconds(self) -> float:
        """Since it grew last."""
        size = self.path.stat().st_size if self.path.exists() else 0
        if not size:
            return 0.0  # still making whole inputs
        if size != self._size:
            self._size, self._since = size, time.monotonic()
        return time.monotonic() - self._since


def _notes(place: Path) -> list[dict]:  # type: ignore[type-arg]
    path = place / "notes"
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().splitlines() if line.endswith("}")]


def _counted(notes: list[dict], count: int, ended: int) -> Outcomes:  # type: ignore[type-arg]
    found, done = Outcomes(), {}
    for line in notes:
        if "kind" in line:
            done[line["number"]] = line
    for line in done.values():
        found.kinds[line["kind"]] += 1
        found.seconds = max(found.seconds, line["seconds"])
        found.outside += line.get("outside", [])
        if "what" in line:
            found.worst.setdefault(line["what"], line["number"])
    missing = count - len(done)
    if missing:
        found.kinds["death"] += missing
        begun = {line["number"] for line in notes} - set(done)
        found.worst[f"the process ended with {ended}"] = min(begun, default=0)
    return found
