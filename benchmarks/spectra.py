"""Hessian spectra: the five largest eigenvalues at a stated residual, and quadrature of 100 steps from one probe."""

from __future__ import annotations

import statistics
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lossnav.core import Problem, spectrum

from benchmarks.case import Case
from benchmarks.timing import Job, interleaved, measured, ratio
from benchmarks.workloads import WORKLOADS, digits, mlp, trained

OURS = "lossnav"
TOOLS = (OURS, "curvlinops", "PyHessian", "landscaper")
TOP, RESIDUAL = 5, 1e-4
TOLERANCES = [1e-3, 1e-4, 1e-6, 1e-7, 1e-8]  # tried from the loosest, which is each power iteration's own default
STEPS, SEEDS = 100, [0, 1, 2, 3, 4]
QUADRATURES = ("W1", "W2")


def measure_spectra(folder: Path, base: Job, rounds: int) -> dict[str, Any]:
    """Times at equal accuracy, and the accuracy itself where the exact density is known."""
    for name in QUADRATURES:
        Case.of(WORKLOADS[name].build()).save(folder / f"{name}.pt")
    return {
        "top": _top(folder / "W1.pt", base, rounds),
        "slq": {name: _slq(name, folder / f"{name}.pt", base, rounds) for name in QUADRATURES},
        "accuracy": _accuracy(folder / "small.pt", base),
    }


def _top(path: Path, base: Job, rounds: int) -> dict[str, Any]:
    shared = {**base, "task": "top", "case": str(path), "count": TOP, "residual": RESIDUAL}
    print("\ntop 5 ", end="", flush=True)
    tried = {tool: measured({**shared, "tool": tool, "tolerances": TOLERANCES}) for tool in TOOLS}
    jobs = {
        tool: {**shared, "tool": tool, "tolerances": [found["tolerance"]]}
        for tool, found in tried.items()
        if "failed" not in found
    }
    results = interleaved(jobs, rounds)
    tools = _times(results)
    for tool, runs in results.items():
        if "residual" in runs[0]:
            worst = max(r["residual"] for r in runs)
            tools[tool] |= {"residual": worst, "tolerance": runs[0]["tolerance"], "reached": worst <= RESIDUAL}
            tools[tool] |= {"values": runs[0]["values"], "attempts": tried[tool]["attempts"]}
    return {"residual": RESIDUAL, "count": TOP, "tools": tools} | {
        "failed": {tool: found["failed"] for tool, found in tried.items() if "failed" in found}
    }


def _slq(name: str, path: Path, base: Job, rounds: int) -> dict[str, Any]:
    shared = {**base, "task": "slq", "case": str(path), "steps": STEPS, "seeds": [0]}
    print(f"\nSLQ {name} ", end="", flush=True)
    results = interleaved({tool: {**shared, "tool": tool} for tool in TOOLS}, rounds)
    tools, ours = _times(results), results[OURS][0]["rules"][0]
    for tool, runs in results.items():
        if "rules" in runs[0]:
            tools[tool]["distance"] = distance(runs[0]["rules"][0], ours)
    return {"steps": STEPS, "tools": tools}


def _accuracy(path: Path, base: Job) -> dict[str, Any]:
    """Mean L¹ distance from the exact density of a network small enough for a dense Hessian, over seeds."""
    images, labels = digits()
    problem = trained(lambda: mlp((64, 20, 10)), images, labels, "small", epochs=15, rate=1e-3)
    Case.of(problem).save(path)
    exact = _exact(problem)
    print("\naccuracy ", end="", flush=True)
    shared = {**base, "task": "slq", "case": str(path), "steps": STEPS, "seeds": SEEDS}
    tools: dict[str, Any] = {}
    for tool in TOOLS:
        found = measured({**shared, "tool": tool})
        print(".", end="", flush=True)
        tools[tool] = found if "failed" in found else _distances(found["rules"], exact)
    return {"parameters": problem.parameter_count, "seeds": len(SEEDS), "tools": tools}


def _exact(problem: Problem) -> dict[str, list[float]]:
    found = spectrum(problem, method="exact", dtype=torch.float64)
    return {"nodes": found.eigenvalues.tolist(), "weights": found.weights.tolist()}


def _distances(rules: list[dict[str, list[float]]], exact: dict[str, list[float]]) -> dict[str, float]:
    even = [{**r, "weights": [1 / len(r["nodes"])] * len(r["nodes"])} for r in rules]
    return {
        "distance": statistics.mean(distance(r, exact) for r in rules),
        "unweighted": statistics.mean(distance(r, exact) for r in even),
    }


def distance(one: dict[str, list[float]], other: dict[str, list[float]]) -> float:
    """L¹ between two densities {nodes, weights}, both broadened with METHODS' width: variance 1e-5 max(1, λₘₐₓ − λₘᵢₙ).

    >>> point = {"nodes": [0.0, 5.0], "weights": [0.5, 0.5]}
    >>> distance(point, point), round(distance(point, {"nodes": [0.0, 5.0], "weights": [0.0, 1.0]}), 6)
    (0.0, 1.0)
    """
    nodes = np.concatenate([one["nodes"], other["nodes"]])
    width = np.sqrt(1e-5 * max(1.0, np.ptp(nodes)))
    grid = np.arange(nodes.min() - 6 * width, nodes.max() + 6 * width, width / 4)
    apart = broadened(one, grid, width) - broadened(other, grid, width)
    return float(np.abs(apart).sum() * width / 4)


def broadened(rule: dict[str, list[float]], grid: np.ndarray, width: float) -> np.ndarray:
    """Σ w N(grid; node, width²)."""
    total = np.zeros_like(grid)
    for node, weight in zip(rule["nodes"], rule["weights"], strict=True):
        total += weight * np.exp(-0.5 * ((grid - node) / width) ** 2)
    return total / (width * np.sqrt(2 * np.pi))


def _times(results: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    ours, tools = [r["seconds"] for r in results[OURS]], {}
    for tool, runs in results.items():
        if "failed" in runs[-1]:
            tools[tool] = {"failed": runs[-1]["failed"]}
            continue
        seconds = [r["seconds"] for r in runs]
        tools[tool] = {
            "seconds": statistics.median(seconds),
            "rounds": seconds,
            "times_ours": asdict(ratio(seconds, ours)),
            "peak_bytes": statistics.median(r["peak_bytes"] for r in runs),
        }
    return tools
