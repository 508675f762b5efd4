"""Is an adaptive survey ever slower than the full grid? Networks drawn at random, every readout, both ways by turns.

`python -m benchmarks.studies.adaptive_speed [--networks 12] [--rounds 3] [--threads 1] [--write]`: forward readouts on 65 × 65 and
201 × 201 points to 1 %, and everything, curvature and descents too, on 17 × 17 to the default tolerances. The fastest of the rounds counts, of either
way, in seconds of the processor, so that what else the machine does matters little; seconds of the clock stand beside.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from lossnav.core import Plane, Problem, Tolerance, survey
from lossnav.core.machine import written_whole

from ..machine import processor
from .terrains import drawn_network

FIRST = 7_001  # odd: no constant was tuned on it
BOUND = 1.05
RESULT = Path(__file__).parents[1] / "results" / "adaptive_speed.md"
KINDS = {
    "forward, 65 × 65": ((65, 65), ("forward",)),
    "forward, 201 × 201": ((201, 201), ("forward",)),
    "everything, 17 × 17": ((17, 17), ("all",)),
}


@dataclass(frozen=True)
class Timed:
    """Seconds of the processor and of the clock, and how many points were measured."""

    cpu: float
    wall: float
    points: int


def timed(work: Callable[[], int]) -> Timed:
    """What a survey took that returns how many points it measured."""
    cpu, wall = time.process_time(), time.perf_counter()
    points = work()
    return Timed(time.process_time() - cpu, time.perf_counter() - wall, points)


def surveyed(problem: Problem, seed: int, shape: tuple[int, int], overlays: tuple[str, ...], adaptive: bool) -> Timed:
    """One survey, from the network to the landscape."""
    tolerance = Tolerance(0.01) if adaptive else None

    def work() -> int:
        land = survey(
            problem, Plane.random(problem, seed=seed), shape, overlays=overlays, device="cpu", tolerance=tolerance
        )
        return int(land["measured"].sum()) if "measured" in land else land["loss"].size

    return timed(work)


def rows(kind: str, networks: int, rounds: int) -> Iterator[str]:
    """A line for each network, and one for all."""
    shape, overlays = KINDS[kind]
    ratios = []
    for seed in range(FIRST, FIRST + 2 * networks, 2):
        problem, x, _ = drawn_network(seed)
        pairs = [[surveyed(problem, seed, shape, overlays, way) for way in (False, True)] for _ in range(rounds)]
        full, adaptive = (min(column, key=lambda each: each.cpu) for column in zip(*pairs, strict=True))
        ratios.append(adaptive.cpu / full.cpu)
        size = f"{problem.parameter_count:,} parameters, {len(x)} examples"
        yield (
            f"| {kind} | {size} | {full.cpu:.2f} | {adaptive.cpu:.2f} | {ratios[-1]:.2f} | {adaptive.wall / full.wall:.2f} "
            f"| {adaptive.points:,} of {full.points:,} |"
        )
    over = sum(ratio > BOUND for ratio in ratios)
    yield f"| **{kind}** | median; largest; above {BOUND} | | | **{statistics.median(ratios):.2f}; {max(ratios):.2f}; {over} of {networks}** | | |"


def main() -> None:
    """Print the table, and write it where that was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", nargs="+", choices=tuple(KINDS), default=tuple(KINDS))
    parser.add_argument("--write", action="store_true", help=f"to {RESULT.name}")
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    lines = [
        "| survey | network | full, s | adaptive, s | ratio | by the clock | points |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    print(*lines, sep="\n")
    for kind in asked.only:
        for line in rows(kind, asked.networks, asked.rounds):
            lines.append(line)
            print(line, flush=True)
    if asked.write:
        how = f"{processor()}, torch {torch.__version__}, {asked.threads} thread; the fastest of {asked.rounds} round(s) by turns"
        words = f"# Adaptive against full\n\n{how} (`python -m benchmarks.studies.adaptive_speed --write`).\n\n"
        written_whole(RESULT, lambda place: place.write_text(words + "\n".join(lines) + "\n", encoding="utf-8"))


if __name__ == "__main__":
    main()
