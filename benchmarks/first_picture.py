"""Seconds and evaluations to the first picture and to 1 %, nine samples, lossnav and its peers.

`python -m benchmarks.first_picture [SAMPLE …] [--rounds 3] [--threads 2]`, on 51 × 51 points of each sample's random plane. lossnav
shows a picture once 9 × 9 points are measured, and ends where its stated error is at most 1 % of the range; a peer shows nothing
before its last point, and its time is that of the points it walks, scaled to the grid. Writes a figure and a table to results/.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
from pathlib import Path
from typing import Any

import torch
from lossnav.core import Problem, load_problem
from lossnav.sample_models.catalogue import NAMES

from benchmarks.case import Case, Tokens
from benchmarks.first_picture_figure import draw
from benchmarks.machine import describe, slug
from benchmarks.table import table
from benchmarks.timing import Job, interleaved

RESULTS = Path(__file__).parent / "results"
SIDE = 51
OURS, PEERS = "lossnav", ("loss-landscapes", "landscaper", "Li et al. 2018")
WALKED = {"digits-plain": 5, "digits-resnet": 5, "markov-gpt": 5}  # points a side of what is slow
OTHERWISE = 15


def case_of(problem: Problem) -> Case | None:
    """The sample as the peers take it; None where its loss is no cross-entropy, which is all that they are given here."""
    if problem.likelihood.name != "cross_entropy":
        return None
    case = Case.of(problem)
    if case.targets.ndim == 1:
        return case
    first, second = ({f"model.{k}": v for k, v in d.items()} for d in (case.first, case.second))
    return Case(case.name, Tokens(case.model), case.inputs, case.targets.flatten(), first, second)


def measured(name: str, folder: Path, base: Job, rounds: int) -> dict[str, Any]:
    """tool → seconds and evaluations to the first picture and to the end, medians over the rounds."""
    print(f"\n{name} ", end="", flush=True)
    jobs: dict[str, Job] = {OURS: {**base, "task": "picture", "sample": name, "side": SIDE}}
    if (case := case_of(load_problem(name))) is not None:
        path = folder / f"{name}.pt"
        case.save(path)
        steps = WALKED.get(name, OTHERWISE)
        jobs |= {peer: {**base, "task": "grid", "case": str(path), "tool": peer, "steps": steps} for peer in PEERS}
    return {tool: _middle(runs) for tool, runs in interleaved(jobs, rounds).items()}


def _middle(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """
    >>> _middle([{"seconds": 2.0, "points": 9}])["seconds"] == 2.0 * 51**2 / 9
    True
    """
    if "failed" in runs[-1]:
        return {"failed": runs[-1]["failed"]}
    if "first_seconds" in runs[0]:
        return {name: statistics.median(run[name] for run in runs) for name in runs[0]}
    whole = statistics.median(run["seconds"] for run in runs) * SIDE**2 / runs[0]["points"]
    return {"first_seconds": whole, "seconds": whole, "first_points": SIDE**2, "points": SIDE**2}


def page(found: dict[str, dict[str, Any]], machine: str) -> str:
    """The table, under the figure's file name."""
    rows = []
    for sample, tools in found.items():
        for tool, run in tools.items():
            if "failed" in run:
                rows.append([sample, tool, f"failed: {run['failed'][:60]}", "", "", ""])
                continue
            seconds = [f"{run[key]:.3g}" for key in ("first_seconds", "seconds")]
            rows.append([sample, tool, *seconds, f"{run['first_points']:,.0f}", f"{run['points']:,.0f}"])
    head = ["sample", "tool", "s to a picture", "s to 1 %", "evaluations to a picture", "to 1 %"]
    return f"# To the first picture, and to 1 %\n\n{machine}\n\n{__doc__}\n{table(head, rows)}\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("samples", nargs="*", default=NAMES)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, default=RESULTS)
    chosen = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = str(chosen.threads)
    torch.set_num_threads(chosen.threads)
    facts, base = describe("cpu"), {"threads": chosen.threads, "device": "cpu"}
    with tempfile.TemporaryDirectory() as folder:
        found = {name: measured(name, Path(folder), base, chosen.rounds) for name in chosen.samples}
    chosen.out.mkdir(parents=True, exist_ok=True)
    path = chosen.out / f"first_picture-{slug(facts)}.json"
    path.write_text(json.dumps({"machine": facts, "samples": found}, indent=1) + "\n", "utf-8")
    machine = f"{facts['cpu']}, {facts['cores']} cores, {chosen.threads} threads of every tool, {chosen.rounds} rounds."
    path.with_suffix(".md").write_text(page(found, machine), "utf-8")
    draw(found, path.with_suffix(".svg"))
    print(f"\n{path.with_suffix('.md')}")


if __name__ == "__main__":
    main()
