"""What workers are worth: efficiency at 1 and 2, what a tile costs on its way, and what that means for 8 to 1,000.

    python -m benchmarks.studies.cluster            # both tables, about two minutes on a quiet machine
    python -m benchmarks.studies.cluster --points 9 # a trial

Efficiency at W workers is (seconds of one process) / (W × seconds on W workers), each of one thread, start of the processes
left out, as it is told by itself. The client's cost of a tile is its processor time over the tiles, of which the part that
one process spends on the same points by itself, the store's writes among it, is not taken off.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from lossnav.core import Plane, Problem
from lossnav.core.cluster import Recipe, Workers, connected
from lossnav.core.cluster.workers import tile_seconds
from lossnav.core.survey import Specification, surveyed
from torch import nn

SIZES = (1, 2, 8, 32, 128, 512, 1000)
POINT_SECONDS = (0.1, 1.0, 10.0)
POINTS = 101 * 101


def workload(words: Mapping[str, Any]) -> Specification:
    """A perceptron whose points take some tenths of a second, or next to nothing where `width` is 1."""
    torch.manual_seed(0)
    width, count = words["width"], 64 * words["width"]
    model = nn.Sequential(nn.Linear(64, width), nn.Tanh(), nn.Linear(width, width), nn.Tanh(), nn.Linear(width, 10))
    problem = Problem(model, torch.randn(count, 64), torch.arange(count) % 10)
    return Specification(problem, Plane.random(problem), (words["points"], words["points"]), words["overlays"], "cpu")


@dataclass(frozen=True)
class Measured:
    """Seconds of a survey, and of this process's processor; tiles, where it went out in such."""

    seconds: float
    own_seconds: float
    tiles: int = 0
    starting: float = 0.0


class Counted(Workers):
    """Workers that count their tiles."""

    tiles = 0

    def _answer(self, future: Any) -> Any:
        self.tiles += 1
        return super()._answer(future)


def alone(asked: Recipe) -> Measured:
    """One process."""
    return _timed(asked, None)


def on(workers: int, asked: Recipe) -> Measured:
    """So many workers; the first survey, which has them make the problem, is not counted."""
    started = time.perf_counter()
    with connected(workers) as client:
        small = Recipe(asked.build, {**asked.arguments, "points": 3})
        surveyed(small.specification(), elsewhere=Workers(client, small, small.specification()))
        for _ in range(2):  # once more, so that every worker has made this one
            starting = time.perf_counter() - started
            others = Counted(client, asked, asked.specification())
            found = _timed(asked, others)
    return Measured(found.seconds, found.own_seconds, others.tiles, starting)


def _timed(asked: Recipe, others: Workers | None) -> Measured:
    spec = asked.specification()
    with tempfile.TemporaryDirectory() as folder:
        wall, own = time.perf_counter(), time.process_time()
        surveyed(spec, Path(folder, "land.zarr"), elsewhere=others)
        return Measured(time.perf_counter() - wall, time.process_time() - own)


def model(workers: int, point_seconds: float, tile_cost: float, points: int = POINTS) -> tuple[float, float]:
    """(seconds, efficiency) of a survey: workers side by side, unless the client cannot hand out tiles as fast; the last tile alone.

    Tiles are of `tile_seconds`, and no fewer than two for each worker.
    """
    size = max(1, int(min(tile_seconds(workers) / point_seconds, points / (2 * workers))))
    tiles = -(-points // size)
    rounds = -(-tiles // workers)
    seconds = max(rounds * size * point_seconds, tiles * tile_cost) + tile_cost
    return seconds, points * point_seconds / (workers * seconds)


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--points", type=int, default=33)
    parser.add_argument("--width", type=int, default=128)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    print(f"load before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    heavy = Recipe(
        "benchmarks.studies.cluster:workload", {"width": asked.width, "points": asked.points, "overlays": ["slope"]}
    )
    one = alone(heavy)
    print(f"| workers | seconds | efficiency | tiles | client's CPU per tile, ms | start, s |\n|{' ---: |' * 6}")
    print(f"| one process | {one.seconds:.1f} | 1 | | | |")
    for count in (1, 2):
        found = on(count, heavy)
        share, cost = one.seconds / (count * found.seconds), 1e3 * found.own_seconds / found.tiles
        print(f"| {count} | {found.seconds:.1f} | {share:.2f} | {found.tiles} | {cost:.1f} | {found.starting:.1f} |")
    light = Recipe(heavy.build, {"width": 1, "points": 17, "overlays": ["forward"]})
    bare, sent = alone(light), on(1, light)
    on_the_way = (sent.seconds - bare.seconds) / sent.tiles
    cost = sent.own_seconds / sent.tiles
    print(f"a tile of nothing: {1e3 * on_the_way:.1f} ms on its way, {1e3 * cost:.1f} ms of the client's processor")
    print("\n| workers | " + " | ".join(f"{each:g} s a point" for each in POINT_SECONDS) + f" |\n|{' ---: |' * 4}")
    for count in SIZES:
        cells = (model(count, each, cost) for each in POINT_SECONDS)
        print(f"| {count:,} | " + " | ".join(f"{seconds:,.0f} s ({share:.0%})" for seconds, share in cells) + " |")
    print(f"load after: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
