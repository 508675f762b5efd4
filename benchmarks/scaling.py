"""lossnav's time against points, examples and parameters: medians in one warm process, exponents of a power law."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from lossnav.core import Problem

from benchmarks.case import Case
from benchmarks.timing import Job, measured
from benchmarks.workloads import family, random_problem, w1

POINT_STEPS = (3, 7, 15, 31, 63, 101)
EXAMPLES, EXAMPLE_STEPS = (128, 512, 2048, 8192, 32768, 131072), 5
WIDTHS, PARAMETER_STEPS, BATCH = (16, 50, 160, 500, 1600, 3100), 3, 256


def measure_scaling(folder: Path, base: Job) -> dict[str, Any]:
    """For each of the three: the sizes, the seconds, and the exponents over all sizes and over the upper half."""
    print("\nscaling ", end="", flush=True)
    start = w1()
    here = _saved(start, folder / "points.pt")
    found = {"points": _series([n * n for n in POINT_STEPS], [(here, n) for n in POINT_STEPS], base)}
    runs = [(_saved(_repeated(start, n), folder / f"examples-{n}.pt"), EXAMPLE_STEPS) for n in EXAMPLES]
    found["examples"] = _series(list(EXAMPLES), runs, base)
    problems = [random_problem(family(w), (64,), BATCH) for w in WIDTHS]
    runs = [(_saved(p, folder / f"width-{i}.pt"), PARAMETER_STEPS) for i, p in enumerate(problems)]
    found["parameters"] = _series([p.parameter_count for p in problems], runs, base)
    return found


def exponent(sizes: list[int], seconds: list[float]) -> float:
    """The slope of log time on log size, least squares.

    >>> round(exponent([1, 10, 100], [2.0, 20.0, 200.0]), 6)
    1.0
    """
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])


def _series(sizes: list[int], runs: list[tuple[str, int]], base: Job) -> dict[str, Any]:
    found = measured({**base, "task": "series", "tool": "lossnav", "runs": runs})
    print(".", end="", flush=True)
    if "failed" in found:
        return found
    seconds, half = found["seconds"], len(sizes) // 2
    return {
        "sizes": sizes,
        "seconds": seconds,
        "exponent": exponent(sizes, seconds),
        "exponent_upper_half": exponent(sizes[half:], seconds[half:]),
    }


def _saved(problem: Problem, path: Path) -> str:
    Case.of(problem).save(path)
    return str(path)


def _repeated(problem: Problem, examples: int) -> Problem:
    rows = torch.arange(examples) % problem.example_count
    return Problem(problem.model, problem.args[0][rows], problem.targets[rows], name=problem.name)
