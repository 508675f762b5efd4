"""Exact grids on W1, W2 and W3: every point evaluated, by every tool, and the floor under it."""

from __future__ import annotations

import statistics
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.case import Case
from benchmarks.floor import flops_per_point
from benchmarks.timing import Job, interleaved, ratio
from benchmarks.workloads import WORKLOADS

OURS = "lossnav"
FLOOR = "matrix product"
LI, LI_WORKERS = "Li et al. 2018", "Li et al. 2018, 2 loader workers"
CHECKED = {"W1": 200, "W2": 100, "W3": 4}
# points a side; slow tools walk fewer, and their time is scaled to the whole grid
STEPS = {
    "W1": {OURS: 51, "loss-landscapes": 51, "landscaper": 51, "loss-landscape-anim": 51, LI: 9, LI_WORKERS: 5},
    "W2": {OURS: 25, "loss-landscapes": 25, "landscaper": 25, "loss-landscape-anim": 25, LI: 9, LI_WORKERS: 5},
    "W3": {OURS: 11, "loss-landscapes": 3, "landscaper": 3, "loss-landscape-anim": 3, LI: 3},
}
QUICK = {"W1": 15, "W2": 7, "W3": 2}


def measure_grids(folder: Path, base: Job, quick: bool, rounds: int) -> dict[str, Any]:
    """Times, errors and memory of every tool on every workload; the cases are written to `folder`."""
    return {name: _workload(name, folder, base, quick, rounds) for name in WORKLOADS}


def _workload(name: str, folder: Path, base: Job, quick: bool, rounds: int) -> dict[str, Any]:
    workload = WORKLOADS[name]
    case = Case.of(workload.build())
    path = folder / f"{name}.pt"
    case.save(path)
    steps = {tool: min(n, QUICK[name]) if quick else n for tool, n in STEPS[name].items()}
    shared = {**base, "task": "grid", "case": str(path), "check": CHECKED[name]}
    jobs: dict[str, Job] = {tool: {**shared, "tool": tool, "steps": n} for tool, n in steps.items()}
    jobs[FLOOR] = {**base, "task": "matmul"}
    print(f"\n{name} ", end="", flush=True)
    results = interleaved(jobs, rounds)
    return summary(results, workload.shape[0] * workload.shape[1], flops_per_point(case)) | {
        "text": workload.text,
        "shape": list(workload.shape),
    }


def summary(results: dict[str, list[dict[str, Any]]], points: int, flops: int) -> dict[str, Any]:
    """Medians over the rounds, for a whole grid of `points`; the floor from the matrix products of the same rounds."""
    if "failed" in results[OURS][-1]:
        raise RuntimeError(f"lossnav could not evaluate the grid: {results[OURS][-1]['failed']}")
    floors = {key: [points * flops / r[key] for r in results[FLOOR]] for key in ("flops", "best_flops")}
    ours = _seconds(results[OURS], points)
    tools = {}
    for tool, runs in results.items():
        if tool == FLOOR:
            continue
        if "failed" in runs[-1]:
            tools[tool] = {"failed": runs[-1]["failed"]}
            continue
        seconds = _seconds(runs, points)
        tools[tool] = {
            "seconds": statistics.median(seconds),
            "rounds": seconds,
            "points": runs[0]["points"],
            "times_ours": asdict(ratio(seconds, ours)),
            "floor_share": _share(floors["flops"], seconds),
            "best_share": _share(floors["best_flops"], seconds),
            "cores": statistics.median(r["cores"] for r in runs),
            "peak_bytes": statistics.median(r["peak_bytes"] for r in runs),
            "error": runs[0]["error"],
        }
    return {
        "points": points,
        "flops_per_point": flops,
        "matrix_flops": statistics.median(r["flops"] for r in results[FLOOR]),
        "best_flops": statistics.median(r["best_flops"] for r in results[FLOOR]),
        "floor_seconds": statistics.median(floors["flops"]),
        "best_seconds": statistics.median(floors["best_flops"]),
        "tools": tools,
    }


def _share(floors: list[float], seconds: list[float]) -> float:
    return statistics.median(f / s for f, s in zip(floors, seconds, strict=False))


def _seconds(runs: list[dict[str, Any]], points: int) -> list[float]:
    return [r["seconds"] * points / r["points"] for r in runs if "seconds" in r]
