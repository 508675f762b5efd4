"""`survey`: a plan of points and the readouts wanted → a landscape; coarse to fine, resumable at any point."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import xarray as xr

from ..adaptive.tolerance import Tolerance, tolerance_of
from ..checks import InputError
from ..engine.evaluator import Evaluator
from ..local.context import Instruments
from ..local.estimation import Estimation, preset
from ..local.evaluator import LocalEvaluator
from ..network.workspace import choose_device, dtype_of
from ..plane.identity import plane_identity, plane_recipe
from ..plane.plane import Plane, Span
from ..problem.identity import problem_identity
from ..problem.problem import Problem
from ..properties.elasticity import anchored
from ..properties.protocol import STAGES
from ..properties.selection import Wanted, wanted
from .fidelity import fidelity as plane_fidelity
from .footprint import footprint, refuse_what_does_not_fit
from .grid import Plan, grid_plan
from .points import MeasuredPoints
from .preview import Glance, rough
from .run import Course, Progress, remember_basins
from .store import LandscapeStore


def survey(
    problem: Problem,
    plane: Plane,
    shape: tuple[int, int] = (51, 51),
    span: Span | None = None,
    overlays: Sequence[str] = (),
    device: str | torch.device = "auto",
    dtype: torch.dtype | str | None = None,
    seed: int = 0,
    tolerance: float | Tolerance | None = None,
    store: str | Path | None = None,
    progress: Progress | None = None,
    *,
    batch_size: int | None = None,
    fidelity: bool = False,
    effort: str | Estimation = "standard",
    every: int = 1,
    precision: str | None = None,
) -> xr.Dataset:
    """Measure the landscape of `problem` on `plane`.

    Parameters
    ----------
    shape       points along (alpha, beta)
    span        ((α from, α to), (β from, β to)); None: the plane's own, ((−1, 1), (−1, 1)) for random planes
    overlays    names of properties (all their readouts) or of single readouts; ("all",) for everything, ("forward",) for
                what needs neither curvature nor descents
    device      "auto" (CUDA where there is one) | "cpu" | "cuda" …
    dtype       floating precision; None: the model's own
    seed        of whatever is estimated
    tolerance   None: every point is measured; 0.01: as few as bring the largest error of interpolation below 1 % of the
                drawn range (five times that for what is measured around points), or a Tolerance
    store       where to keep the landscape; a survey stopped there is taken up again with the same numbers
    progress    called with (measurements done, measurements in all); a point counts once for each stage
    batch_size  examples per forward pass; None: by a fixed rule, the same on every run
    fidelity    also measure how far to trust the plane (a few dozen further passes)
    effort      how finely curvature, per-example gradients and descents are measured at each point: "preview",
                "standard", "full" (all examples), or an Estimation
    precision   None: the arithmetic of `dtype`, exactly; "tf32" or "bf16": faster products and convolutions in the forward
                passes of a float32 survey; their error is measured and stated in `attrs["spec"]`
    every       measure those on every 1st, 2nd, 4th … row and column only, the ends included; NaN elsewhere

    Returns
    -------
    xarray.Dataset over ("alpha", "beta"): "loss", "accuracy" and "error" where there are labels, the readouts of
    the overlays under their METHODS names, "<name>_se" beside what is estimated, "measured". `attrs["unavailable"]` is
    JSON text, name → reason; `attrs["estimation"]` says with which probes and examples. With a tolerance there are values
    everywhere, "<name>_error" says how wrong those between measured points may be, and `attrs["adaptive"]` sums it up.

    Raises
    ------
    InputError  unknown names, impossible sizes, a GPU that is not there, a store that holds something else, a plan that
                needs more memory than is free

    >>> from torch import nn
    >>> model = nn.Linear(1, 1, bias=False).double()
    >>> _ = nn.init.constant_(model.weight, 2.0)
    >>> problem = Problem(model, torch.ones(3, 1).double(), torch.zeros(3, 1).double(), loss="mse")
    >>> line = Plane.line({"weight": torch.zeros(1, 1).double()}, model)      # θ = 2α, L = θ²
    >>> survey(problem, line, shape=(3, 1), span=((0, 2), (0, 0)))["loss"].values.ravel().tolist()
    [0.0, 4.0, 16.0]
    """
    allowed = tolerance_of(tolerance)
    if every < 1 or every & (every - 1):
        raise InputError(f"every should be 1, 2, 4 or another power of two, but is {every}.")
    estimation, where, number = preset(effort), choose_device(device), dtype_of(dtype)
    asked, plane, plan = wanted(problem, overlays), plane.over(problem.parameters), _plan(plane, shape, span)
    size = (len(plan.alpha), len(plan.beta))
    needs = footprint(problem, plane, size, overlays, where, number, batch_size, fidelity, estimation, every)
    refuse_what_does_not_fit(needs)
    own = anchored(problem) if any(v.startswith("elasticity") for v in asked.variables) else problem
    facts = asked.facts(own, plane)
    asked = asked.without_unavailable(facts)
    if estimation.of != "hessian":
        asked = asked.less({"shape": "The shape is that of the Hessian, and another matrix is measured here."})
    evaluator = Evaluator(problem, plane, asked.measures(problem), where, number, batch_size, precision)
    instruments = Instruments(own, plane, estimation, seed, where, number)
    local = _local(instruments, asked)
    columns = {"forward": evaluator.columns, **{stage: each.columns for stage, each in local.items()}}
    spec = _specification(problem, plane, plan, asked, evaluator, columns)
    spec |= {"seed": seed, "fidelity": fidelity, "estimation": estimation.as_json() if local else None}
    if precision is not None:
        spec["precision"] = precision
    about = _about(problem, plane, asked, facts, evaluator, seed)
    if local:
        about |= {"estimation": instruments.notes, "every": every}
    if allowed is not None:
        about["tolerance"] = allowed.as_json()
    width = "float64" if evaluator.workspace.dtype == torch.float64 else "float32"
    fresh = MeasuredPoints.empty(plan, columns, width, asked.variables, about)

    def finish(about: dict[str, Any]) -> dict[str, Any]:
        """What is said of the whole: the descents' steps, and how far to trust the plane."""
        more: dict[str, Any] = {}
        if "descent" in local and "descents" not in about:
            more["descents"] = instruments.steps(local["descent"].columns)
        if fidelity and "fidelity" not in about:
            more["fidelity"] = plane_fidelity(problem, plane, where, evaluator.workspace.dtype, seed)
        return more

    if store is None:
        return Course(fresh, evaluator, local, None, progress).run(finish).landscape()  # nobody sees a first look
    keeper = LandscapeStore(store)
    with keeper.writing():
        points = keeper.open_or_create(fresh, spec)
        if local:
            points.about["every"] = min(every, points.about["every"])
            remember_basins(instruments, points)
        _keep_to(allowed, points.about)
        course = Course(points, evaluator, local, keeper, progress, _first_look(instruments, asked, allowed))
        return course.run(finish).landscape()


def _local(instruments: Instruments, asked: Wanted) -> dict[str, LocalEvaluator]:
    """Stage → what measures around points; only stages in use."""
    return {s: LocalEvaluator(instruments, asked.local_measures(s)) for s in STAGES[1:] if asked.local_measures(s)}


def _first_look(instruments: Instruments, asked: Wanted, allowed: Tolerance | None) -> Glance | None:
    """What shows the costly stages soon; nothing holds on to it but the course, which lets go of it when it has looked."""
    settings = None if allowed is None else rough(instruments.problem, instruments.estimation)
    return None if settings is None else Glance(_local(replace(instruments, estimation=settings), asked))


def _keep_to(allowed: Tolerance | None, about: dict[str, Any]) -> None:
    """A survey that goes on keeps to what is asked of it now, be it closer, looser or every point."""
    about.pop("tolerance", None)
    about.pop("refined", None)
    if allowed is not None:
        about["tolerance"] = allowed.as_json()


def _plan(plane: Plane, shape: tuple[int, int], span: Span | None) -> Plan:
    sizes = (shape, 1) if isinstance(shape, int) else tuple(shape)
    if plane.is_line:
        sizes = (sizes[0], 1)  # a line has no second direction to walk along
    return grid_plan(sizes, span or plane.span)  # type: ignore[arg-type]


def _about(
    problem: Problem, plane: Plane, asked: Wanted, facts: dict[str, Any], evaluator: Evaluator, seed: int
) -> dict[str, Any]:
    space = evaluator.workspace
    dtype = str(space.dtype).removeprefix("torch.")
    return {
        "name": problem.name,
        "problem": problem_identity(problem),
        "plane": plane_identity(plane),
        "facts": facts,
        "unavailable": asked.reasons,
        "spec": {"dtype": dtype, "seed": seed, "precision": evaluator.precision},
    }


def _specification(
    problem: Problem,
    plane: Plane,
    plan: Plan,
    asked: Wanted,
    evaluator: Evaluator,
    columns: dict[str, tuple[str, ...]],
) -> dict[str, Any]:
    """What decides the numbers, ready for JSON: two surveys with the same are the same."""
    return {
        "problem": problem_identity(problem),
        "plane": plane_recipe(plane),
        "alpha": plan.alpha.tolist(),
        "beta": plan.beta.tolist(),
        "overlays": list(asked.variables),
        "columns": {stage: list(names) for stage, names in columns.items()},
        "dtype": str(evaluator.workspace.dtype).removeprefix("torch."),
    }
