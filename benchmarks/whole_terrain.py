"""All seven properties over a terrain: when each first shows, when it is done, and what a point costs at each stage.

`python benchmarks/whole_terrain.py [SAMPLE] [--tolerance 0.01] [--costly 0.1] [--every 1] [--threads 2] [--effort standard]`, on a
grid of 25 × 25; a tolerance of 0 measures every point.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator

import numpy as np
import torch
from lossnav.core import Plane, load_problem, survey
from lossnav.core.adaptive.tolerance import Tolerance
from lossnav.core.course import Course

GRID = (25, 25)


def timed(seen: list[tuple[str, int, float]]) -> None:
    """Note (stage, points, seconds since the start) whenever a stretch of the course ends."""
    measure, start = Course._measure, time.perf_counter()

    def noted(self: Course, stage: str, rows: np.ndarray) -> None:
        measure(self, stage, rows)
        seen.append((stage, len(rows), time.perf_counter() - start))

    Course._measure = noted  # type: ignore[method-assign]


def stretches(seen: list[tuple[str, int, float]]) -> Iterator[tuple[str, int, float, float]]:
    before = 0.0
    for stage, points, at in seen:
        yield stage, points, at - before, at
        before = at


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sample", nargs="?", default="digits-resnet")
    parser.add_argument("--tolerance", type=float, default=0.01)
    parser.add_argument("--costly", type=float, default=0.1)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--effort", default="standard")
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    problem = load_problem(chosen.sample)
    seen: list[tuple[str, int, float]] = []
    timed(seen)
    tolerance = Tolerance(chosen.tolerance, costly=chosen.costly) if chosen.tolerance else None
    land = survey(
        problem,
        Plane.random(problem),
        GRID,
        overlays=("all",),
        every=chosen.every,
        effort=chosen.effort,
        tolerance=tolerance,
    )
    print(f"{chosen.sample}, {GRID[0]} × {GRID[1]}, every {chosen.every}, {chosen.effort}, {chosen.threads} threads")
    print(f"{'stage':10} {'points':>6} {'s/point':>8} {'done at s':>10}")
    for stage, points, seconds, at in stretches(seen):
        print(f"{stage:10} {points:6} {seconds / points:8.3f} {at:10.1f}")
    print(land.attrs.get("adaptive", ""))


if __name__ == "__main__":
    main()
