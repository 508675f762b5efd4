"""Time per point of a plane against examples per forward pass: what the rule in core/network/batching.py rests on.

Run: python -m benchmarks.studies.batch_size     Interleaved repeats, medians, ratios to the whole data set at once.
"""

from __future__ import annotations

import statistics
import time

import numpy as np
import torch
from lossnav.core import Plane
from lossnav.core.engine.evaluator import Evaluator
from lossnav.core.network.batching import forward_batch_size
from lossnav.core.properties.terrain import TERRAIN

from benchmarks.workloads import WORKLOADS

THREADS = 2
REPEATS = 5
SIZES = (None, 512, 256, 128, 64, 32)


def seconds(evaluator: Evaluator, points: np.ndarray) -> float:
    """Seconds per point."""
    started = time.perf_counter()
    evaluator.evaluate(points)
    return (time.perf_counter() - started) / len(points)


def main() -> None:
    """Measure and print a table."""
    torch.set_num_threads(THREADS)
    device = torch.device("cpu")
    for name, workload in WORKLOADS.items():
        problem = workload.build()
        plane = Plane.random(problem)
        sizes = [s for s in SIZES if s is None or s < problem.example_count]
        runs = {
            s: Evaluator(problem, plane, TERRAIN.measures(problem), device, None, s or problem.example_count)
            for s in sizes
        }
        points = np.random.default_rng(0).uniform(-1, 1, (4 if name == "W3" else 40, 2))
        times: dict[int | None, list[float]] = {s: [] for s in sizes}
        for _ in range(REPEATS + 1):
            for s in sizes:
                times[s].append(seconds(runs[s], points))
        whole = statistics.median(times[None][1:])
        chosen = forward_batch_size(problem, device)
        print(f"{name}: rule chooses {chosen} of {problem.example_count}")
        for s in sizes:
            middle = statistics.median(times[s][1:])
            print(f"  {s or 'all':>5}: {1e3 * middle:8.2f} ms per point, {middle / whole:5.2f} of all at once")


if __name__ == "__main__":
    main()
