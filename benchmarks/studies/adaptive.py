"""Adaptive terrain against the full grid: how many points, how far off, and whether the error it states holds.

`python -m benchmarks.studies.adaptive [--unseen] [--surfaces FOLDER]`; every case is a network, a plane and a seed on 65 × 65. The full
grid is measured once a case, kept in the folder where one is given, and refined from: the choice of points depends on the values
alone. The samples are what the constants were tuned on, so their figures flatter; `--unseen` takes networks that were not.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from lossnav.core import Plane, Problem, load_problem, survey
from lossnav.core.adaptive.display_scale import DisplayScales
from lossnav.core.adaptive.error_estimate import Places, appraise
from lossnav.core.adaptive.refinement import Followed, Refinement
from lossnav.core.survey.grid import nested_grids
from lossnav.core.survey.schedule import HELD_OUT, WHOLE

from .. import workloads
from .unseen import NETWORKS, plane_and_span, planes_of, unseen

GRID = (65, 65)
PLANES = ("r0", "trajectory", "r1", "r2", "eigen", "l3", "n4", "r5", "r6", "r7", "gradient", "r8")
SMALL = (
    "gaussians-mlp", "linear-regression", "digits-small-batch", "digits-large-batch", "digits-two-tasks",
    "digits-two-tasks-ewc", "markov-gpt",
)  # fmt: skip
LARGE = ("digits-resnet", "digits-plain")
TASKS = (("linear", 0.01), ("linear", 0.001), ("log", 0.01))
RESULTS = Path(__file__).parents[1] / "results"


def plane_of(problem: Problem, kind: str) -> Plane:
    """r: filter-normalised random, l: normalised by layer, n: biases and norm parameters move too; the digit is the seed."""
    if kind[0] == "r":
        return Plane.random(problem, seed=int(kind[1:]))
    if kind[0] == "l":
        return Plane.random(problem, seed=int(kind[1:]), normalize="layer")
    if kind[0] == "n" and kind[1:].isdigit():
        return Plane.random(problem, seed=int(kind[1:]), ignore=None)
    plane: Plane = getattr(Plane, kind)(problem)
    return plane


def cases() -> Iterator[tuple[str, str]]:
    """(network, plane) of the samples, W1 and W2, the fast ones first."""
    yield from ((name, kind) for name in SMALL for kind in PLANES if (name, kind) != ("linear-regression", "n4"))
    yield from ((name, f"r{seed}") for name in ("w1", "w2") for seed in range(4))
    yield from ((name, kind) for name in LARGE for kind in PLANES[:6])


def surfaces(folder: Path | None, held_out: bool) -> Iterator[tuple[str, str, np.ndarray]]:
    """(network, plane, loss on the full grid); a network is made at most once."""
    chosen = ((name, kind) for name in NETWORKS for kind in planes_of(name)) if held_out else cases()
    problems: dict[str, Problem] = {}
    for name, kind in chosen:
        kept = None if folder is None else folder / f"{name}_{kind}.npz"
        if kept is not None and kept.exists():
            yield name, kind, np.load(kept)["loss"].astype(float)
            continue
        if name not in problems:
            problems = {name: problem_of(name)}
        loss = measured(problems[name], kind)
        if kept is not None:
            np.savez_compressed(kept, loss=loss)
        yield name, kind, loss.astype(float)


def problem_of(name: str) -> Problem:
    """A workload, a network of the unseen ones, or a sample."""
    if name in NETWORKS:
        return unseen(name)
    problem: Problem = getattr(workloads, name)() if name in ("w1", "w2") else load_problem(name)
    return problem


def measured(problem: Problem, kind: str) -> np.ndarray:
    """The loss on the full grid (A, B)."""
    plane, span = plane_and_span(problem, kind) if problem.name in NETWORKS else (plane_of(problem, kind), None)
    return survey(problem, plane, GRID, span)["loss"].values


def refined(truth: np.ndarray, scale: str, tolerance: float) -> tuple[int, float, float]:
    """Points measured, the true largest error and the stated one, as shares of the drawn range.

    The true error is infinite where a number is shown for what is none, or the other way round.
    """
    scales = ("linear",) if scale == "linear" else ("linear", "log")
    levels, held_out = nested_grids(truth.shape)[WHOLE["forward"]], HELD_OUT
    refinement = Refinement(levels, np.ones(truth.shape, bool), {"loss": Followed(scales)}, tolerance, held_out)
    while True:
        known = {"loss": np.where(refinement.asked, truth, np.nan)}
        if not len(refinement.next(known, {})):
            break
    found = appraise(Places(refinement.asked), known, {"loss": scales})["loss"].values
    numbers = np.isfinite(truth)
    if (np.isfinite(found) != numbers).any():
        return int(refinement.asked.sum()), np.inf, refinement.largest
    off = float(DisplayScales.of(truth[numbers], scales).share(found[numbers], truth[numbers]).max())
    return int(refinement.asked.sum()), off, refinement.largest


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--surfaces", type=Path, help="a folder that keeps the full grids")
    parser.add_argument("--unseen", action="store_true", help="networks that no constant was tuned on")
    chosen = parser.parse_args()
    rows: list[list[Any]] = []
    for name, kind, truth in surfaces(chosen.surfaces, chosen.unseen):
        for scale, tolerance in TASKS:
            points, off, stated = refined(truth, scale, tolerance)
            rows.append([name, kind, scale, tolerance, points, off, stated])
        print(name, kind, *(f"{row[4]} ({100 * row[5]:.2g} %)" for row in rows[-len(TASKS) :]), flush=True)
    RESULTS.mkdir(exist_ok=True)
    name = "adaptive_unseen" if chosen.unseen else "adaptive"
    (RESULTS / f"{name}.json").write_text(json.dumps({"grid": GRID, "rows": rows}))
    (RESULTS / f"{name}.md").write_text(report(rows))


def report(rows: list[list[Any]]) -> str:
    """A table by network and tolerance, and in how many cases the tolerance held."""
    lines = ["# Adaptive terrain against the full grid, 65 × 65", ""]
    lines += [
        "| network | " + " | ".join(f"{100 * t:g} %, {s}" for s, t in TASKS) + " |",
        "|" + " --- |" * (1 + len(TASKS)),
    ]
    groups: dict[str, dict[tuple[str, float], list[list[Any]]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        groups[row[0]][row[2], row[3]].append(row)
    full = GRID[0] * GRID[1]
    for name, tasks in groups.items():
        cells = []
        for task in TASKS:
            points = [row[4] for row in tasks[task]]
            off = max(row[5] for row in tasks[task])
            cells.append(
                f"{full / np.median(points):.0f}× fewer ({min(points)}–{max(points)} points), off by {100 * off:.2g} % at most"
            )
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    lines.append("")
    for scale, tolerance in TASKS:
        of = [row for row in rows if (row[2], row[3]) == (scale, tolerance)]
        held, whole = sum(row[5] <= tolerance for row in of), sum(row[4] == full for row in of)
        lines.append(
            f"- {100 * tolerance:g} %, {scale}: within the tolerance in {held} of {len(of)} cases ({100 * held / len(of):.1f} %), "
            f"{whole} of them measured whole; off by {max(row[5] / tolerance for row in of):.2g} times the tolerance at most."
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
