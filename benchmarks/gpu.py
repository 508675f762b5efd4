"""The same comparison on a GPU: W3 with 10,000 images on 51 × 51 points, and spectra beside PyHessian.

The reference implementation walks a few points there and its time is scaled to the whole grid. Where a precision cannot
be had, the row says why.
"""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

from benchmarks.case import Case
from benchmarks.floor import flops_per_point
from benchmarks.grids import FLOOR, LI, OURS, summary
from benchmarks.spectra import STEPS, TOP
from benchmarks.timing import Job, interleaved, ratio
from benchmarks.workloads import w3

IMAGES, SPECTRUM_IMAGES, POINTS = 10_000, 2_000, 51 * 51
PRECISIONS = {"float32": "float32", "tf32": "tf32", "bf16": "bfloat16"}
CHECKED = 4


def measure_gpu(folder: Path, base: Job, quick: bool, rounds: int) -> dict[str, Any]:
    """A grid in each precision against its own floor and the reference loop; quadrature and top 5 against PyHessian."""
    images = 512 if quick else IMAGES
    path = folder / "W3-gpu.pt"
    case = Case.of(w3(images))
    case.save(path)
    found: dict[str, Any] = {"images": images, "points": POINTS}
    found |= {name: _grid(name, case, path, base, 5 if quick else 51, rounds) for name in PRECISIONS}
    small = folder / "W3-spectrum.pt"
    Case.of(w3(min(images, SPECTRUM_IMAGES))).save(small)
    return found | {"spectra": _spectra(small, base, rounds)}


def _grid(precision: str, case: Case, path: Path, base: Job, steps: int, rounds: int) -> dict[str, Any]:
    shared = {**base, "task": "grid", "case": str(path), "check": CHECKED}
    jobs: dict[str, Job] = {
        OURS: {**shared, "tool": OURS, "steps": steps, "options": {"precision": precision}},
        LI: {**shared, "tool": LI, "steps": 3},
        FLOOR: {**base, "task": "matmul", "dtype": PRECISIONS[precision]},
    }
    print(f"\n{precision} ", end="", flush=True)
    results = interleaved(jobs, rounds)
    for each in (OURS, FLOOR):
        if "failed" in results[each][-1]:
            return {"failed": results[each][-1]["failed"]}
    return summary(results, POINTS, flops_per_point(case))


def _spectra(path: Path, base: Job, rounds: int) -> dict[str, Any]:
    tasks: dict[str, Job] = {
        "slq": {"task": "slq", "steps": STEPS, "seeds": [0]},
        "top": {"task": "top", "count": TOP, "residual": 1e-4, "tolerances": [1e-4]},
    }
    found: dict[str, Any] = {}
    for name, task in tasks.items():
        shared = {**base, **task, "case": str(path)}
        results = interleaved({tool: {**shared, "tool": tool} for tool in (OURS, "PyHessian")}, rounds)
        seconds = {tool: [r["seconds"] for r in runs if "seconds" in r] for tool, runs in results.items()}
        found[name] = {tool: statistics.median(s) if s else results[tool][-1] for tool, s in seconds.items()}
        if all(seconds.values()):
            found[name]["ratio"] = ratio(seconds["PyHessian"], seconds[OURS]).median
    return found


def main() -> int:
    """`python -m benchmarks.gpu --all [--rehearse] [--out FOLDER]`."""
    import argparse

    from benchmarks.bare import lossnav_from_the_tree

    parser = argparse.ArgumentParser(description="Everything that is to be asked of a GPU, in under ten minutes.")
    parser.add_argument("--all", action="store_true", required=True)
    parser.add_argument("--rehearse", action="store_true", help="the CPU in the card's place")
    parser.add_argument("--out", type=Path, default=Path("gpu-results"))
    chosen = parser.parse_args()
    lossnav_from_the_tree()
    from benchmarks.gpu_all import everything

    return everything(chosen.out, chosen.rehearse)


if __name__ == "__main__":
    import sys

    sys.exit(main())
