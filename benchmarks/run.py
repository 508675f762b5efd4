"""The whole comparison: `make bench`, or `python -m benchmarks.run [--quick] [--threads 2] [--only grids spectra …]`.

Writes results/<machine>.json, a readable results/<machine>.md beside it and the figure of the scaling, after each part.
Parts left out by --only are kept from the file as it was.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from benchmarks.figure import draw_scaling
from benchmarks.gpu import measure_gpu
from benchmarks.grids import measure_grids
from benchmarks.machine import circumstances, describe, slug
from benchmarks.memory import measure_memory
from benchmarks.products import measure_products
from benchmarks.report import report
from benchmarks.scaling import measure_scaling
from benchmarks.shapes import measure_shapes
from benchmarks.spectra import measure_spectra

RESULTS = Path(__file__).parent / "results"
PARTS = ("grids", "shapes", "spectra", "scaling", "memory", "products")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small grids, two rounds: to see that everything runs")
    parser.add_argument("--rounds", type=int, help="how often each is measured, in turn; 3, or 2 where quick")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--out", type=Path, default=RESULTS)
    chosen = parser.parse_args()
    chosen.rounds = chosen.rounds or (2 if chosen.quick else 3)
    if chosen.device == "cuda" and not torch.cuda.is_available():
        parser.exit(message="torch sees no GPU here, so the GPU's benchmark is skipped.\n")
    os.environ["OMP_NUM_THREADS"] = str(chosen.threads)
    torch.set_num_threads(chosen.threads)
    facts = describe(chosen.device)
    base = {"threads": chosen.threads, "device": chosen.device}
    path = chosen.out / f"{slug(facts)}.json"
    found: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {"parts": {}}
    with tempfile.TemporaryDirectory() as name:
        for part, measure in _parts(chosen, Path(name), base).items():
            now = circumstances(chosen.threads, chosen.rounds, chosen.quick)
            start = time.perf_counter()
            found[part] = measure()
            found["machine"] = facts
            found["parts"][part] = now | {"minutes": round((time.perf_counter() - start) / 60, 1)}
            _write(found, path)
    print(f"\n{path.with_suffix('.md')}")


def _write(found: dict[str, Any], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(found, indent=1) + "\n")
    if "scaling" in found:
        draw_scaling(found["scaling"], path.with_suffix(".svg"))
    path.with_suffix(".md").write_text(report(found, path.with_suffix(".svg").name))


def _parts(chosen: argparse.Namespace, folder: Path, base: dict[str, Any]) -> dict[str, Callable[[], Any]]:
    if chosen.device == "cuda":
        return {"gpu": lambda: measure_gpu(folder, base, chosen.quick, chosen.rounds)}
    parts: dict[str, Callable[[], Any]] = {
        "grids": lambda: measure_grids(folder, base, chosen.quick, chosen.rounds),
        "shapes": lambda: measure_shapes(folder, base, chosen.quick, chosen.rounds),
        "spectra": lambda: measure_spectra(folder, base, chosen.rounds),
        "scaling": lambda: measure_scaling(folder, base),
        "memory": lambda: measure_memory(base),
        "products": lambda: measure_products(folder, base, chosen.quick, chosen.rounds),
    }
    left_out = ("scaling", "memory", "products") if chosen.quick and chosen.only is PARTS else ()
    return {name: measure for name, measure in parts.items() if name in chosen.only and name not in left_out}


if __name__ == "__main__":
    main()
