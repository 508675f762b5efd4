"""Peak memory of a survey at three sizes of model and three of grid: it follows the model and not the grid.

Each in a process that holds nothing but the network and its data before; beside it what was foretold of memory and time.
"""

from __future__ import annotations

from typing import Any

from lossnav.core import Problem

from benchmarks.timing import Job, measured
from benchmarks.workloads import family, random_problem

WIDTHS, STEPS, EXAMPLES = (300, 1000, 3100), (3, 9, 21), 64


def measure_memory(base: Job) -> list[dict[str, Any]]:
    """One row per model and grid: bytes above the process with network and data loaded, and the estimate of them."""
    print("\nmemory ", end="", flush=True)
    return [_row({**base, "task": "survey", "width": w, "steps": n}) for w in WIDTHS for n in STEPS]


def family_problem(width: int) -> Problem:
    """The network 64-w-w-10 on a few normal inputs."""
    return random_problem(family(width), (64,), EXAMPLES)


def _row(job: Job) -> dict[str, Any]:
    found = measured(job)
    print(".", end="", flush=True)
    return {"width": job["width"], "steps": job["steps"]} | found
