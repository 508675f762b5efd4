"""How times are taken: tool by tool in turn (A B C, A B C …), each in a fresh process; medians, and ratios round by round."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
LONGEST = 900  # seconds a single measurement may take

Job = dict[str, Any]


@dataclass(frozen=True)
class Ratio:
    """How many times as long as another: median over the rounds, and the smallest and largest of them."""

    median: float
    low: float
    high: float


def measured(job: Job) -> dict[str, Any]:
    """A worker's answer to one job; {"failed": last line of its complaint} where it could not do it."""
    command = [sys.executable, "-m", "benchmarks.worker", json.dumps(job)]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=LONGEST)
    except subprocess.TimeoutExpired:
        return {"failed": f"took longer than {LONGEST} s"}
    if done.returncode != 0:
        return {"failed": (done.stderr.strip().splitlines() or ["no message"])[-1]}
    result: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return result


def interleaved(jobs: Mapping[str, Job], rounds: int) -> dict[str, list[dict[str, Any]]]:
    """Each job once in every round, in turn; one that failed is not tried again. `check` holds in the first round only."""
    results: dict[str, list[dict[str, Any]]] = {name: [] for name in jobs}
    for turn in range(rounds):
        for name, job in jobs.items():
            if results[name] and "failed" in results[name][-1]:
                continue
            results[name].append(measured(job if turn == 0 else {**job, "check": 0}))
            print(".", end="", flush=True)
    return results


def ratio(other: Sequence[float], ours: Sequence[float]) -> Ratio:
    """`other` over `ours`, paired by round.

    >>> ratio([4.0, 6.0, 9.0], [2.0, 2.0, 3.0])
    Ratio(median=3.0, low=2.0, high=3.0)
    """
    each = [a / b for a, b in zip(other, ours, strict=False)]
    return Ratio(statistics.median(each), min(each), max(each))
