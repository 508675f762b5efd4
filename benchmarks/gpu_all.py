"""Everything that is to be asked of a GPU, in under ten minutes on a bare machine: `python -m benchmarks.gpu --all`.

Needs torch, numpy, scipy, scikit-learn, xarray, safetensors and pytest, and neither zarr nor streamlit: the package is taken from the
tree. The tests marked cuda; each way of taking forward passes, and each stage, against float64 on the CPU; how fast each is;
a profile. Files go into one folder, the table comes last. `--rehearse`: the CPU takes the card's place.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.parts import FAILED, Part, Run, Session

ROOT = Path(__file__).resolve().parents[1]
MINUTES = 9.5
PRECISIONS = ("float32", "tf32", "bf16")
ROUNDS, FEW = 3, 4
POINTS = np.random.default_rng(0).uniform(-1, 1, (24, 2))
WAYS: dict[str, dict[str, Any]] = {
    "plain": {"network": "plain"},
    "fused": {"network": "fused"},
    "graph": {"network": "plain", "graph": True},
    "fused graph": {"network": "fused", "layout": "channels_last", "graph": True},
    "points at once": {"network": "plain", "points": 5},
}
STAGES = {"curvature": "viscosity", "gradient": "elasticity", "descent": "memory"}


def everything(folder: Path, rehearse: bool) -> int:
    """All parts, in under ten minutes; 1 where one failed or was ended."""
    folder.mkdir(parents=True, exist_ok=True)
    run = Run("cpu" if rehearse else "cuda", folder, 60 * MINUTES)
    run.rows.append(("machine", _device_name(torch.device(run.device)), f"torch {torch.__version__}", sys.platform))
    return run.all_of(PARTS)


def _device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "the CPU, in the card's place"


def network(dtype: torch.dtype = torch.float32, examples: int = 256) -> Any:
    """A small convolutional network with BatchNorm, and images; the same numbers in every precision."""
    from lossnav.core import Problem
    from torch import nn

    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.Conv2d(16, 16, 3, stride=2), nn.ReLU(),
        nn.Flatten(), nn.Linear(16 * 7 * 7, 10),
    )  # fmt: skip
    inputs, targets = torch.randn(examples, 3, 16, 16), torch.arange(examples) % 10
    return Problem(model.to(dtype).eval(), inputs.to(dtype), targets)


def _evaluator(problem: Any, device: torch.device, **more: Any) -> Any:
    from lossnav.core import Plane
    from lossnav.core.engine.evaluator import Evaluator
    from lossnav.core.properties import PROPERTIES
    from lossnav.core.properties.terrain import TERRAIN

    measures = [*TERRAIN.measures(problem), *(m for each in PROPERTIES for m in each.measures(problem))]
    return Evaluator(problem, Plane.random(problem), measures, device, **more)


def ways(run: Session) -> Iterator[tuple[str, str, str]]:
    """The loss in each way and precision, against float64 on the CPU."""
    evaluator = _evaluator(network(torch.float64), torch.device("cpu"), way={"network": "plain"})
    count = len(PRECISIONS) * len(WAYS) + 1
    points = POINTS[: run.fitting(len(POINTS), count * _seconds(evaluator.evaluate, POINTS[:FEW]) / FEW, least=FEW)]
    truth = evaluator.evaluate(points)[:, 0]
    for precision in PRECISIONS:
        for name, way in WAYS.items():
            number, remark = _error(run, precision, way, points, truth)
            yield f"{name}, {precision}", number, ", ".join(filter(None, (f"{len(points)} points", remark)))


def _seconds(evaluate: Callable[[np.ndarray], object], points: np.ndarray) -> float:
    evaluate(points)  # once before, as the first one prepares
    start = time.perf_counter()
    evaluate(points)
    return time.perf_counter() - start


def _error(run: Session, precision: str, way: dict[str, Any], points: np.ndarray, truth: np.ndarray) -> tuple[str, str]:
    from lossnav.core import InputError

    try:
        found = _evaluator(network(), torch.device(run.device), precision=precision, way={"batch_size": 128, **way})
    except InputError as error:
        return "not here", str(error)[:100]
    error = float(np.max(np.abs(found.evaluate(points)[:, 0] / truth - 1)))
    kept = {k: found.way.get(k) for k in way} == way
    bound = 1e-4 if precision == "float32" else 5e-2
    verdict = "" if error < bound else f"over {bound:g}"
    return (f"{error:.1e}" if error < bound else FAILED), " ".join(filter(None, (verdict, "" if kept else "given up")))


def stages(run: Session) -> Iterator[tuple[str, str, str]]:
    """Curvature, gradients, descents, spectra and coupling in float64, on the device and on the CPU."""
    from lossnav.core import Plane, coupling_matrix, density_map, spectrum, survey

    problem = network(torch.float64, 64)
    plane = Plane.random(problem)
    for stage, overlay in STAGES.items():
        lands = [
            survey(problem, plane, (3, 3), overlays=(overlay,), effort="preview", device=d, fidelity=False)
            for d in (run.device, "cpu")
        ]
        found, expected = (
            np.concatenate([land[name].values.ravel() for name in _readouts(lands[1])]) for land in lands
        )
        yield stage, *_difference(found, expected)
    spectra = [spectrum(problem, device=d, method="slq", steps=6, probes=2) for d in (run.device, "cpu")]
    yield "spectrum", *_difference(*(each.eigenvalues for each in spectra))
    yield "coupling", *_difference(*(coupling_matrix(problem, device=d).values for d in (run.device, "cpu")))
    yield "density", *_difference(*(density_map(problem, device=d)["loss"].values for d in (run.device, "cpu")))


def _readouts(land: Any) -> list[str]:
    return [str(name) for name, values in land.data_vars.items() if values.dtype.kind == "f" and values.ndim == 2]


def _difference(found: np.ndarray, expected: np.ndarray) -> tuple[str, str]:
    if (np.isfinite(found) != np.isfinite(expected)).any():
        return FAILED, "not finite where the CPU is"
    finite = np.isfinite(expected)
    scale = float(np.abs(expected[finite]).max()) if finite.any() else 0.0
    error = float(np.abs(found[finite] - expected[finite]).max()) / scale if scale else 0.0
    return (f"{error:.1e}", "") if error < 1e-6 else (FAILED, f"off by {error:.1e} of the largest")


def speed(run: Session) -> Iterator[tuple[str, str, str]]:
    """Points a second in each way, median of up to three rounds."""
    images = 256 if run.device == "cpu" else 4096
    problem = network(examples=images)
    for turn, (name, way) in enumerate(WAYS.items()):
        found = _evaluator(problem, torch.device(run.device), way={"batch_size": 256, **way})
        each = (len(WAYS) - turn) * _seconds(found.evaluate, POINTS[:FEW]) / FEW
        points = POINTS[: run.fitting(len(POINTS), each, least=FEW)]
        rounds = run.fitting(ROUNDS, each * len(points))
        taken = []
        for _ in range(rounds):
            start = time.perf_counter()
            found.evaluate(points)
            taken.append(time.perf_counter() - start)
        said = f"{images} images, {len(points)} points, {rounds} round{'s' * (rounds > 1)}"
        yield name, f"{len(points) / statistics.median(taken):.1f} points/s", said


def profile(run: Session) -> Iterator[tuple[str, str, str]]:
    """Profile of a tile; a trace for chrome://tracing in the folder."""
    from torch.profiler import ProfilerActivity, profile

    found = _evaluator(network(), torch.device(run.device), way={"batch_size": 128, "network": "plain"})
    points = POINTS[: run.fitting(len(POINTS), 10 * _seconds(found.evaluate, POINTS[:FEW]) / FEW, least=FEW)]
    kinds = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if run.device == "cuda" else [])]
    with profile(activities=kinds) as profiled:
        found.evaluate(points)
    profiled.export_chrome_trace(str(run.folder / "trace.json"))
    averages = profiled.key_averages()
    (run.folder / "profile.txt").write_text(averages.table(sort_by="self_cpu_time_total", row_limit=40))
    waits = [
        e for e in averages if e.key in ("aten::_local_scalar_dense", "cudaStreamSynchronize", "cudaDeviceSynchronize")
    ]
    yield (
        f"waits in {len(points)} points",
        str(sum(e.count for e in waits)),
        ", ".join(f"{e.key} {e.count}" for e in waits),
    )
    for each in sorted(averages, key=lambda e: -e.self_cpu_time_total)[:3]:
        yield each.key[:40], f"{each.self_cpu_time_total / 1e3:.1f} ms", f"{each.count} calls"


def tests(run: Session) -> Iterator[tuple[str, str, str]]:
    """The tests marked cuda; in a rehearsal they are collected, and skip with their reason."""
    words = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-m",
        "cuda",
        "-p",
        "no:cacheprovider",
        "tests/core/engine",
        "tests/core/curvature",
    ]
    seconds = max(run.seconds_left - 10, 10)
    environment = {
        **os.environ,
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTHONPATH": os.pathsep.join(p for p in (str(ROOT), *sys.path) if p),
    }
    with (run.folder / "tests.txt").open("w") as output:
        ended = subprocess.run(
            words, cwd=ROOT, stdout=output, stderr=output, timeout=seconds, env=environment
        ).returncode
    last = (run.folder / "tests.txt").read_text().strip().splitlines()[-1:]
    yield "pytest -m cuda", "ok" if ended == 0 else FAILED, (last or [""])[0].strip("= ")[:100]


PARTS: dict[str, tuple[Part, float]] = {  # each with its weight in what time is left when it begins
    "ways": (ways, 3),
    "stages": (stages, 4),
    "speed": (speed, 2),
    "profile": (profile, 1),
    "tests": (tests, 3),
}
