"""`survey`: a plan of points and the readouts wanted → a landscape; coarse to fine, resumable at any point."""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import xarray as xr

from .checks import InputError, known
from .engine.evaluator import Evaluator
from .engine.workspace import choose_device
from .fidelity import fidelity as plane_fidelity
from .landscape import MeasuredPoints
from .plan import Plan, grid_plan
from .plane import Plane, Span
from .problem import Problem
from .properties import PROPERTIES
from .properties.needs import LATER, NOT_YET, missing, unavailable
from .provenance import environment, plane_identity, plane_recipe, problem_identity
from .store import LandscapeStore
from .terrain import TERRAIN

Progress = Callable[[int, int], None]
SECONDS_BETWEEN_WRITES = 0.5
DTYPES = {"float32": torch.float32, "float64": torch.float64, "bfloat16": torch.bfloat16, "float16": torch.float16}


def survey(
    problem: Problem,
    plane: Plane,
    shape: tuple[int, int] = (51, 51),
    span: Span | None = None,
    overlays: Sequence[str] = (),
    device: str | torch.device = "auto",
    dtype: torch.dtype | str | None = None,
    seed: int = 0,
    tolerance: float | None = None,
    store: str | Path | None = None,
    progress: Progress | None = None,
    *,
    batch_size: int | None = None,
    fidelity: bool = False,
) -> xr.Dataset:
    """Measure the landscape of `problem` on `plane`.

    Parameters
    ----------
    shape       points along (alpha, beta)
    span        ((α from, α to), (β from, β to)); None: the plane's own, ((−1, 1), (−1, 1)) for random planes
    overlays    names of properties (all their readouts) or of single readouts; ("all",) for everything
    device      "auto" (CUDA where there is one) | "cpu" | "cuda" …
    dtype       floating precision; None: the model's own
    seed        of whatever is estimated
    tolerance   None: every point is measured
    store       where to keep the landscape; a survey stopped there is taken up again with the same numbers
    progress    called with (points done, points in all)
    batch_size  examples per forward pass; None: by a fixed rule, the same on every run
    fidelity    also measure how far to trust the plane (a few dozen further passes)

    Returns
    -------
    xarray.Dataset over ("alpha", "beta"): "loss", "accuracy" and "error" where there are labels, the readouts of
    the overlays under their METHODS names, "measured". `attrs["unavailable"]` is JSON text, name → reason.

    Raises
    ------
    InputError  unknown names, impossible sizes, a GPU that is not there, a store that holds something else

    >>> from torch import nn
    >>> model = nn.Linear(1, 1, bias=False).double()
    >>> _ = nn.init.constant_(model.weight, 2.0)
    >>> problem = Problem(model, torch.ones(3, 1).double(), torch.zeros(3, 1).double(), loss="mse")
    >>> line = Plane.line({"weight": torch.zeros(1, 1).double()}, model)      # θ = 2α, L = θ²
    >>> survey(problem, line, shape=(3, 1), span=((0, 2), (0, 0)))["loss"].values.ravel().tolist()
    [0.0, 4.0, 16.0]
    """
    if tolerance is not None:
        raise InputError("tolerance is not supported yet: leave it None, and every point of the grid is measured.")
    where = choose_device(device)
    number = _dtype(dtype)
    variables, reasons = _chosen(problem, overlays)
    plane = plane.over(problem.parameters)
    plan = _plan(plane, shape, span)
    measures = [
        *TERRAIN.measures(problem),
        *(m for p in PROPERTIES if _uses(p, variables) for m in p.measures(problem)),
    ]
    evaluator = Evaluator(problem, plane, measures, where, number, batch_size)
    spec = _specification(problem, plane, plan, variables, evaluator, seed, fidelity)
    about = {
        **_about(problem, plane, variables, reasons),
        "spec": {"dtype": spec["dtype"], "seed": seed, "batch_size": evaluator.workspace.batch_size},
    }
    precision = "float64" if evaluator.workspace.dtype == torch.float64 else "float32"
    fresh = MeasuredPoints.empty(plan, evaluator.columns, precision, variables, about)
    keeper = None if store is None else LandscapeStore(store)
    if keeper is None:
        return _run(evaluator, fresh, None, progress, problem, plane, seed, fidelity).landscape()
    with keeper.writing():
        return _run(
            evaluator, keeper.open_or_create(fresh, spec), keeper, progress, problem, plane, seed, fidelity
        ).landscape()


def _run(
    evaluator: Evaluator,
    points: MeasuredPoints,
    keeper: LandscapeStore | None,
    progress: Progress | None,
    problem: Problem,
    plane: Plane,
    seed: int,
    fidelity: bool,
) -> MeasuredPoints:
    started, before = time.time(), int(points.done.sum())
    adds_fidelity = fidelity and "fidelity" not in points.about
    try:
        if "centre" not in points.about:
            points.about["centre"] = _centre(evaluator)
            if keeper is not None:
                keeper.write_about(points)
        for rows in _pieces(points.done):
            _measure(evaluator, points, rows, keeper, progress)
        if adds_fidelity:
            where, number = evaluator.workspace.device, evaluator.workspace.dtype
            points.about["fidelity"] = plane_fidelity(problem, plane, where, number, seed)
    finally:
        measured = int(points.done.sum()) - before
        if measured or adds_fidelity:
            _sign(points, evaluator.workspace.device, started, measured)
        if keeper is not None:
            keeper.write_about(points)
    return points


def _measure(
    evaluator: Evaluator, points: MeasuredPoints, rows: slice, keeper: LandscapeStore | None, progress: Progress | None
) -> None:
    """Measure consecutive points, writing what is done every half second, also when interrupted."""
    where = points.plan.points
    written = rows.start
    last_write = time.monotonic()

    def write(upto: int) -> None:
        if keeper is not None and upto > written:
            keeper.write(points, slice(written, upto))

    row = rows.start
    try:
        while row < rows.stop:
            tile = slice(row, min(row + _tile(row - rows.start), rows.stop))
            points.values[tile] = evaluator.evaluate(where[tile])
            points.done[tile] = True
            row = tile.stop
            if time.monotonic() - last_write > SECONDS_BETWEEN_WRITES:
                write(row)
                written, last_write = row, time.monotonic()
                if progress is not None:
                    progress(int(points.done.sum()), len(points.done))
    finally:
        write(row)
    if progress is not None:
        progress(int(points.done.sum()), len(points.done))


def _tile(measured: int) -> int:
    """Points until the next look at the clock: few at first, while the cost of one is not known."""
    return 1 if measured < 8 else 8


def _pieces(done: np.ndarray) -> Iterator[slice]:
    """Runs of consecutive points that are still to be measured, in the plan's order."""
    edges = np.flatnonzero(np.diff(np.concatenate(([1], done.astype(int), [1]))))
    return (slice(int(a), int(b)) for a, b in edges.reshape(-1, 2))


def _sign(points: MeasuredPoints, device: torch.device, started: float, measured: int) -> None:
    run = {
        **environment(device),
        "started": datetime.datetime.fromtimestamp(started, datetime.UTC).isoformat(timespec="seconds"),
        "seconds": round(time.time() - started, 3),
        "points": measured,
    }
    points.about["provenance"] = [*points.about.get("provenance", []), run]


def _plan(plane: Plane, shape: tuple[int, int], span: Span | None) -> Plan:
    sizes = (shape, 1) if isinstance(shape, int) else tuple(shape)
    if plane.is_line:
        sizes = (sizes[0], 1)  # a line has no second direction to walk along
    return grid_plan(sizes, span or plane.span)  # type: ignore[arg-type]


def _dtype(dtype: torch.dtype | str | None) -> torch.dtype | None:
    if dtype is None or dtype in DTYPES.values():
        return dtype  # type: ignore[return-value]
    return DTYPES[known(str(dtype).removeprefix("torch."), DTYPES, "dtype")]


def _uses(owner: Any, variables: Sequence[str]) -> bool:
    return any(readout.variable in variables for readout in owner.readouts)


def _chosen(problem: Problem, overlays: Sequence[str]) -> tuple[tuple[str, ...], dict[str, str]]:
    """The variables to derive, and the reason for each name asked for that cannot be had."""
    overlays = (overlays,) if isinstance(overlays, str) else overlays
    by_name = {p.name: [r.variable for r in p.readouts] for p in PROPERTIES}
    singles = [r.variable for p in PROPERTIES for r in p.readouts]
    by_readout = {r.name: [s.variable for s in p.readouts if s.name == r.name] for p in PROPERTIES for r in p.readouts}
    by_name = by_readout | by_name
    wanted: list[str] = []
    for overlay in overlays:
        known(overlay, dict.fromkeys(["all", *(p.name for p in PROPERTIES), *singles, *by_name, *LATER]), "overlay")
        wanted += singles if overlay == "all" else by_name.get(overlay, [overlay])
    reasons = {v: why for p in PROPERTIES for v, why in unavailable(p, problem).items() if v in wanted}
    reasons |= {v: NOT_YET for v in wanted if v in LATER}
    return tuple(v for v in dict.fromkeys(wanted) if v not in reasons), reasons


def _about(problem: Problem, plane: Plane, variables: Sequence[str], reasons: dict[str, str]) -> dict[str, Any]:
    used = [p for p in (TERRAIN, *PROPERTIES) if p is TERRAIN or _uses(p, variables)]
    facts = {p.name: p.facts(problem, plane) for p in used}
    for owner in used:
        why = facts[owner.name].get("unavailable")
        reasons |= {r.variable: why for r in owner.readouts if why and r.needs and r.variable in variables}
    memory = next(p for p in PROPERTIES if p.name == "memory")
    if not any(missing(r, problem) for r in memory.readouts):
        facts["memory"] = memory.facts(problem, plane)  # the path is drawn whether memory is an overlay or not
    return {
        "name": problem.name,
        "problem": problem_identity(problem),
        "plane": plane_identity(plane),
        "facts": facts,
        "unavailable": reasons,
    }


def _centre(evaluator: Evaluator) -> dict[str, float | None]:
    """The measured means at (0, 0), which need not be a point of the grid; JSON has no NaN, so that is None."""
    values = evaluator.evaluate(np.zeros((1, 2)))[0]
    return {c: float(v) if np.isfinite(v) else None for c, v in zip(evaluator.columns, values, strict=True)}


def _specification(
    problem: Problem,
    plane: Plane,
    plan: Plan,
    variables: Sequence[str],
    evaluator: Evaluator,
    seed: int,
    fidelity: bool,
) -> dict[str, Any]:
    """What decides the numbers, ready for JSON: two surveys with the same are the same."""
    return {
        "problem": problem_identity(problem),
        "plane": plane_recipe(plane),
        "alpha": plan.alpha.tolist(),
        "beta": plan.beta.tolist(),
        "overlays": list(variables),
        "columns": list(evaluator.columns),
        "dtype": str(evaluator.workspace.dtype).removeprefix("torch."),
        "seed": seed,
        "fidelity": fidelity,
    }
