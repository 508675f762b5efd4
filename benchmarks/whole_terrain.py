"""All seven properties over a terrain: when each first shows, when it is done, and what a point costs at each stage.

`python benchmarks/whole_terrain.py [SAMPLE] [--tolerance 0.01] [--costly 0.1] [--every 1] [--threads 2] [--effort standard]`, on a
grid of 25 × 25; a tolerance of 0 measures every point. "~" marks first looks, at the preview's settings.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from lossnav.core import Plane, load_problem, survey
from lossnav.core.adaptive.tolerance import Tolerance
from lossnav.core.survey.points import MeasuredPoints
from lossnav.core.survey.preview import Glance
from lossnav.core.survey.run import SurveyRun

GRID = (25, 25)


def printed() -> None:
    """Print every stretch of a course as it ends: stage, points, seconds a point, seconds since the start."""
    measure, look, began = SurveyRun._measure, Glance.look, [time.perf_counter()] * 2

    def note(stage: str, points: int) -> None:
        now = time.perf_counter()
        print(f"{stage:12} {points:6} {(now - began[1]) / points:8.3f} {now - began[0]:10.1f}", flush=True)
        began[1] = now

    def measured(self: SurveyRun, stage: str, rows: np.ndarray) -> Iterator[None]:
        yield from measure(self, stage, rows)
        note(stage, len(rows))

    def looked(self: Glance, points: MeasuredPoints) -> Iterator[str]:
        for stage in look(self, points):
            note(f"{stage} ~", len((points.info.glance or {})["rows"]))
            yield stage

    SurveyRun._measure, Glance.look = measured, looked  # type: ignore[method-assign]


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
    tolerance = Tolerance(chosen.tolerance, costly=chosen.costly) if chosen.tolerance else None
    print(f"{chosen.sample}, {GRID[0]} × {GRID[1]}, every {chosen.every}, {chosen.effort}, {chosen.threads} threads")
    print(f"{'stage':12} {'points':>6} {'s/point':>8} {'done at s':>10}")
    printed()
    how = {"every": chosen.every, "effort": chosen.effort, "tolerance": tolerance}
    with TemporaryDirectory() as folder:  # a first look is taken only where somebody may see it
        land = survey(problem, Plane.random(problem), GRID, overlays=("all",), store=Path(folder) / "land.zarr", **how)
    print(land.attrs.get("adaptive", ""))


if __name__ == "__main__":
    main()
