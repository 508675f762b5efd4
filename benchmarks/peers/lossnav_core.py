"""lossnav: `survey`, and the eigenpairs and the quadrature that `spectrum` is made of, all settings left at their defaults."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from lossnav.core import survey
from lossnav.core.curvature.operators import curvature
from lossnav.core.spectrum.eigenvalues import SETTLED, eigenpairs
from lossnav.core.spectrum.probes import random_rows
from lossnav.core.spectrum.quadrature import lanczos_quadrature
from torch import Tensor

from benchmarks.case import Case
from benchmarks.peers.walk import Walk, mesh


def grid(case: Case, steps: int, precision: str | None = None) -> Walk:
    problem, plane = case.problem(), case.plane()
    asked: dict[str, Any] = {} if precision is None else {"precision": precision}

    def run() -> np.ndarray:
        land = survey(problem, plane, shape=(steps, steps), device=case.inputs.device, **asked)
        return np.asarray(land["loss"].values)

    line = np.linspace(-1, 1, steps)
    points = mesh(line, line)
    return Walk(run, case.first, case.second, points, points)


def top(case: Case, count: int, tolerance: float) -> Callable[[], tuple[np.ndarray, np.ndarray]]:
    problem = case.problem()

    def run() -> tuple[np.ndarray, np.ndarray]:
        pairs = eigenpairs(problem, top=count, tolerance=tolerance, device=case.inputs.device)
        return pairs.values.numpy(), pairs.vectors.cpu().numpy()

    return run


def slq(case: Case, steps: int, seed: int) -> Callable[[], tuple[np.ndarray, np.ndarray]]:
    problem = case.problem()

    def run() -> tuple[np.ndarray, np.ndarray]:
        operator = curvature(problem, device=case.inputs.device)
        rule = lanczos_quadrature(operator, random_rows(operator, 1, seed, "rademacher"), steps, SETTLED)
        return rule.nodes[0].numpy(), rule.weights[0].numpy()

    return run


def product(case: Case, of: str) -> Callable[[Tensor], Tensor]:
    """(k, P) → (k, P)."""
    return curvature(case.problem(), of=of, device=case.inputs.device).products
