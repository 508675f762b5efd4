"""Time per point by each way of running the network: whether fusing pays beside channels-last memory alone.

Run: python -m benchmarks.studies.fusing     Interleaved repeats, medians; the last column is what fusing adds: the fastest way without
it over the fastest of all. Under 1.15 on every network it goes, with `core/engine/fused.py`, `fusion.py`, `tracing.py` and `kernels.py`.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator

import numpy as np
import torch
from lossnav.core import Plane, Problem, load_problem
from lossnav.core.engine.evaluator import Evaluator
from lossnav.core.network.batching import forward_batch_size
from lossnav.core.properties.terrain import TERRAIN

from benchmarks.studies.batch_size import seconds
from benchmarks.workloads import WORKLOADS

THREADS = 2
REPEATS = 5
NETWORKS = ("plain", "fused")
LAYOUTS = ("contiguous", "channels_last")
SECONDS = 0.5  # of one timing
SAMPLES = ("digits-resnet", "digits-plain", "digits-small-batch", "markov-gpt")


def main() -> None:
    """Measure and print a table."""
    torch.set_num_threads(THREADS)
    print(f"{'network':<20}{'plain':>10}{'+ last':>10}{'fused':>10}{'+ last':>10}   fusing adds")
    for name, problem in _problems():
        times = {way: statistics.median(each) for way, each in timed(problem).items()}
        plain, best = min(time for (network, _), time in times.items() if network == "plain"), min(times.values())
        cells = (times.get((network, layout), math.nan) for network in NETWORKS for layout in LAYOUTS)
        print(
            f"{name:<20}" + "".join(f"{1e3 * cell:>8.2f}ms" for cell in cells) + f"   {plain / best:.2f} ×", flush=True
        )


def timed(problem: Problem) -> dict[tuple[str, str], list[float]]:
    """Seconds per point of each way that this network can be run, `REPEATS` times in turn after one for warmth."""
    runs, device = {}, torch.device("cpu")
    plane, size = Plane.random(problem), forward_batch_size(problem, device)
    for network in NETWORKS:
        for layout in LAYOUTS:
            way = {"network": network, "layout": layout, "batch_size": size}
            evaluator = Evaluator(problem, plane, TERRAIN.measures(problem), device, way=way)
            if (evaluator.way["network"], evaluator.way["layout"]) == (network, layout):  # else it fell back
                runs[network, layout] = evaluator
    points = np.random.default_rng(0).uniform(-1, 1, (1, 2))
    once = max(seconds(evaluator, points) for evaluator in runs.values())
    points = np.random.default_rng(0).uniform(-1, 1, (min(200, max(1, round(SECONDS / once))), 2))
    times: dict[tuple[str, str], list[float]] = {way: [] for way in runs}
    for repeat in range(REPEATS + 1):
        for way, evaluator in runs.items():
            taken = seconds(evaluator, points)
            if repeat:
                times[way].append(taken)
    return times


def _problems() -> Iterator[tuple[str, Problem]]:
    for name, workload in WORKLOADS.items():
        yield name, workload.build()
    for name in SAMPLES:
        yield name, load_problem(name)


if __name__ == "__main__":
    main()
