"""One measurement in a process of its own: `python -m benchmarks.worker JOB`, JSON in, one line of JSON out.

A fresh process each time, because what a tool did before (its heap, its caches) changes how fast it is. Importing,
loading the case and a first small run are not timed.
"""

from __future__ import annotations

import contextlib
import dataclasses
import gc
import importlib
import json
import os
import sys
import time
import warnings
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import torch
from lossnav.core import Plane, survey
from lossnav.core.survey.cost import estimate
from lossnav.core.survey.specification import Specification

from benchmarks.agreement import errors
from benchmarks.case import Case
from benchmarks.floor import kernel_speed, matrix_speed
from benchmarks.held import held, most_held, settle
from benchmarks.memory import family_problem
from benchmarks.peers import ADAPTERS
from benchmarks.picture_task import picture
from benchmarks.product_tasks import in_vocabulary, products

WARM_STEPS = 2


def main(text: str) -> None:
    job = json.loads(text)
    torch.set_num_threads(job["threads"])
    warnings.filterwarnings("ignore")
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stderr(nowhere), contextlib.redirect_stdout(nowhere):
        result = TASKS[job["task"]](job)
    print(json.dumps(result))


def grid(job: dict[str, Any]) -> dict[str, Any]:
    """A square grid; with `check`, its values held against the truth at so many points."""
    adapter, options, device = _adapter(job), job.get("options", {}), job["device"]
    case = Case.load(job["case"], device)
    before = held(device)
    adapter.grid(case, WARM_STEPS, **options).run()
    del case
    case = Case.load(job["case"], device)  # anew: some tools leave the network at the far corner
    walk = adapter.grid(case, job["steps"], **options)
    values, result = timed(walk.run, device, before)
    result |= {"points": values.size}
    if job.get("check"):
        fresh = Case.load(job["case"])
        on_cpu = ({k: v.cpu() for k, v in d.items()} for d in (walk.first, walk.second))
        first, second = on_cpu
        result["error"] = errors(fresh, dataclasses.replace(walk, first=first, second=second), values, job["check"])
    return result


def top(job: dict[str, Any]) -> dict[str, Any]:
    """The largest eigenvalues, the tolerance tightened until the residuals recomputed here meet the bound."""
    adapter, attempts = _adapter(job), []
    for tolerance in job["tolerances"]:
        case = Case.load(job["case"], job["device"])
        before = held(job["device"])
        adapter.top(case, 1, 1e-1)()
        (values, vectors), result = timed(adapter.top(case, job["count"], tolerance), job["device"], before)
        worst = max(residuals(Case.load(job["case"]), values, vectors))
        attempts.append({"tolerance": tolerance, "residual": worst, "seconds": result["seconds"]})
        if worst <= job["residual"]:
            break
    return result | attempts[-1] | {"values": values.tolist(), "attempts": attempts}


def slq(job: dict[str, Any]) -> dict[str, Any]:
    """Nodes and weights of a quadrature from one probe, for each seed; the time is the last one's."""
    adapter = _adapter(job)
    case = Case.load(job["case"], job["device"])
    before = held(job["device"])
    adapter.slq(case, WARM_STEPS + 1, 0)()
    rules = []
    for seed in job["seeds"]:
        (nodes, weights), result = timed(adapter.slq(case, job["steps"], seed), job["device"], before)
        rules.append({"nodes": nodes.tolist(), "weights": weights.tolist()})
    return result | {"rules": rules}


def series(job: dict[str, Any]) -> dict[str, Any]:
    """Seconds of one grid for each of several cases, the middle of three runs each, in one warm process."""
    found = []
    for path, steps in job["runs"]:
        walk = _adapter(job).grid(Case.load(path, job["device"]), steps)
        walk.run()
        found.append(sorted(timed(walk.run, job["device"], 0)[1]["seconds"] for _ in range(3))[1])
    return {"seconds": found}


def survey_alone(job: dict[str, Any]) -> dict[str, Any]:
    """One survey of a network that this process makes itself, and what was foretold of it."""
    problem, shape = family_problem(job["width"]), (job["steps"], job["steps"])
    before = held(job["device"])
    plane = Plane.random(problem)
    _, result = timed(lambda: survey(problem, plane, shape=shape, device=job["device"]), job["device"], before)
    foretold = estimate(Specification(problem, plane, shape, device=job["device"]))
    memory = foretold.footprint
    return result | {
        "parameters": problem.parameter_count,
        "points": shape[0] * shape[1],
        "foretold_seconds": foretold.total,
        "foretold_bytes": memory.needed + memory.lasting.get("plane", 0),
    }


def matmul(job: dict[str, Any]) -> dict[str, Any]:
    """The machine's own speed, beside the tools: torch.mm, and the fastest product that torch has by any library."""
    device, dtype = job["device"], job.get("dtype", "float32")
    return {"flops": matrix_speed(device, dtype), "best_flops": kernel_speed(device, dtype)}


def residuals(case: Case, values: np.ndarray, vectors: np.ndarray) -> list[float]:
    """‖Hv − λv‖ / |λ| in float64, H by two plain backward passes over the whole data."""
    model = case.model.double()
    parameters = list(model.parameters())
    loss = torch.nn.functional.cross_entropy(model(case.inputs.double()), case.targets)
    gradient = torch.cat([g.flatten() for g in torch.autograd.grad(loss, parameters, create_graph=True)])
    found = []
    for value, row in zip(values, vectors, strict=True):
        vector = torch.as_tensor(row).double()
        vector = vector / vector.norm()
        image = torch.cat([g.flatten() for g in torch.autograd.grad(gradient, parameters, vector, retain_graph=True)])
        found.append(float((image - float(value) * vector).norm() / abs(float(value))))
    return found


def timed(run: Callable[[], Any], device: str, before: int) -> tuple[Any, dict[str, Any]]:
    """The result of `run`, its seconds, the cores it kept busy, and the most memory held so far above `before`."""
    gc.collect()
    settle(device)
    start, busy = time.perf_counter(), time.process_time()
    value = run()
    settle(device)
    seconds, busy = time.perf_counter() - start, time.process_time() - busy
    peak = max(0, most_held(device) - before)
    return value, {"seconds": seconds, "cores": busy / seconds, "peak_bytes": peak}


def _adapter(job: dict[str, Any]) -> ModuleType:
    return importlib.import_module(f"benchmarks.peers.{ADAPTERS[job['tool']]}")


TASKS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "grid": grid,
    "top": top,
    "slq": slq,
    "series": series,
    "survey": survey_alone,
    "matmul": matmul,
    "picture": picture,
    "products": products,
    "vocabulary": in_vocabulary,
}


if __name__ == "__main__":
    main(sys.argv[1])
