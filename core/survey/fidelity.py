"""How far to trust a plane: what of the landscape lies in it, and what another draw would show."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..checks import UNFIT, first_line
from ..curvature.loss_function import LossFunction
from ..engine.evaluator import Evaluator
from ..parameters import vectors
from ..plane.plane import Plane
from ..problem.problem import Problem
from ..properties.terrain import TERRAIN
from ..spectrum.trace import hessian_trace
from ..walk.training import checkpoint_loss

BAND_SEEDS = 8
BAND_POINTS = 21


def fidelity(
    problem: Problem,
    plane: Plane,
    device: torch.device,
    dtype: torch.dtype | None = None,
    seed: int = 0,
    further: Mapping[str, Callable[[], dict[str, Any]]] = {},
) -> dict[str, Any]:
    """Numbers beside a plot that say how much of the truth the plane shows, ready for JSON.

    further  parts that belong to a survey, by name: each gives numbers by theirs

    Returns
    -------
    cosine          cos(d₁, d₂)
    explained       shares of the path's variance in the plane's axes, with those of a random walk beside them
    gradient_share  share of ‖ḡ‖² that lies in the plane
    trace_share     tr(ΠHΠ) / tr H, with its standard error from Hutchinson's probes
    path            each checkpoint's distance off the plane, its true loss (with BatchNorm statistics of its own where the
                    checkpoints hold them), the plane's loss under it, and the loss that the training wrote down, where it did
    band            for random planes: loss along single directions of other seeds, mean and 10–90 % band
    unavailable     name of the first of a part's numbers → why they could not be measured; absent where all were
    """
    numbers: dict[str, Any] = {"cosine": None if plane.is_line else plane.cosine}
    if plane.explained is not None:
        numbers["explained"] = list(plane.explained)
        assert problem.trajectory is not None
        numbers["random_walk"] = random_walk_shares(len(problem.trajectory))
    function = cache(lambda: LossFunction(problem, plane.origin, device, dtype).calibrate())
    parts: dict[str, Callable[[], dict[str, Any]]] = {
        "gradient_share": lambda: _gradient_share(function(), plane),
        "trace_share": lambda: _trace_share(function(), plane, seed),
    }
    if problem.trajectory is not None:
        parts["path"] = lambda: {"path": _path(problem, plane, function())}
    if plane.kind == "random":
        parts["band"] = lambda: {"band": _band(problem, plane, device, dtype)}
    for name, measure in {**parts, **further}.items():
        try:
            numbers |= measure()
        except UNFIT as error:  # the map stays, and so does every other part
            numbers.setdefault("unavailable", {})[name] = first_line(error)
    return _without_nan(numbers)


def random_walk_shares(checkpoints: int) -> list[float]:
    """Shares of the variance of a random walk of so many checkpoints, in many dimensions, in its first two principal components.

    The covariance of the centred walk has the eigenvalues 1 / (4 sin²(πk/2n)), k = 1 … n − 1, in units of a step's
    (Antognini & Sohl-Dickstein 2018, §2); 6/(πk)², 61 % and 15 %, is their limit for n → ∞.

    >>> [round(share, 4) for share in random_walk_shares(3)], [round(share, 2) for share in random_walk_shares(10**5)]
    ([0.75, 0.25], [0.61, 0.15])
    """
    eigenvalues = np.sin(np.pi * np.arange(1, checkpoints) / (2 * checkpoints)) ** -2.0
    shares: list[float] = (eigenvalues / eigenvalues.sum())[:2].tolist()
    return shares


def _gradient_share(function: LossFunction, plane: Plane) -> dict[str, float]:
    gradient = function.gradient().double()
    along = (_rows(function, plane).double() @ gradient).cpu().numpy()
    squared = float(gradient @ gradient)
    return {"gradient_share": float(along @ plane.inverse_gram @ along) / squared if squared > 0 else float("nan")}


def _rows(function: LossFunction, plane: Plane) -> Tensor:
    where = function.point
    return torch.stack([function.layout.flatten(d, where.device, where.dtype) for d in plane.directions])


def _trace_share(function: LossFunction, plane: Plane, seed: int) -> dict[str, float]:
    rows, inverse = _rows(function, plane), plane.inverse_gram
    images = function.hessian_products(rows).double()
    inside = float(np.sum(inverse * (rows.double() @ images.T).cpu().numpy()))
    trace = hessian_trace(function, probes=16, seed=seed)
    return {
        "trace": trace.value,
        "trace_se": trace.standard_error,
        "trace_share": inside / trace.value if trace.value else float("nan"),
        "trace_share_se": abs(inside / trace.value**2) * trace.standard_error if trace.value else float("nan"),
    }


def _path(problem: Problem, plane: Plane, function: LossFunction) -> dict[str, list[float]]:
    assert problem.trajectory is not None
    layout, where = function.layout, function.point
    rows = []
    for index, point in enumerate(problem.trajectory):
        alpha, beta, off = plane.project(point)
        pair = [layout.flatten(v, where.device, where.dtype) for v in (point, plane.at(alpha, beta))]
        true = checkpoint_loss(function, pair[0], problem.trajectory.statistics_at(index))
        shown = function.calibrate(pair[1]).loss(pair[1])
        rows.append((off, vectors.norm(vectors.subtract(point, plane.origin)), true, shown))
    names = ("off_plane", "distance", "true_loss", "plane_loss")
    found = {name: [float(row[i]) for row in rows] for i, name in enumerate(names)}
    told = problem.trajectory.losses  # what the training wrote down, to hold the plot against
    return found if told is None else found | {"training_loss": [float("nan") if v is None else v for v in told]}


def _band(problem: Problem, plane: Plane, device: torch.device, dtype: torch.dtype | None) -> dict[str, list[float]]:
    """Loss along both directions of other draws: what this plane would have looked like with another seed."""
    alphas = np.linspace(-1, 1, BAND_POINTS)
    settings = {k: plane.details[k] for k in ("normalize", "ignore", "orthogonal")}
    losses, evaluator = [], Evaluator(problem, plane, TERRAIN.measures(problem)[:1], device, dtype)
    for seed in range(plane.details["seed"] + 1, plane.details["seed"] + 1 + BAND_SEEDS):
        evaluator.turn_to(Plane.random(problem, seed=seed, **settings))
        for axis in (0, 1):
            points = np.zeros((BAND_POINTS, 2))
            points[:, axis] = alphas
            losses.append(evaluator.evaluate(points)[:, 0])
    table = np.array(losses)
    with np.errstate(invalid="ignore"):  # between two infinite losses there is no number
        low, high = np.quantile(table, (0.1, 0.9), axis=0)
    return {
        "alpha": alphas.tolist(),
        "mean": table.mean(0).tolist(),
        "low": low.tolist(),
        "high": high.tolist(),
        "slices": [len(losses)],
    }


def _without_nan(content: Any) -> Any:
    """JSON has no NaN: what is not a finite number becomes null."""
    if isinstance(content, dict):
        return {k: _without_nan(v) for k, v in content.items()}
    if isinstance(content, list):
        return [_without_nan(v) for v in content]
    if isinstance(content, float):
        return float(content) if np.isfinite(content) else None
    return content
