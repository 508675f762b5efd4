"""Claim `coupling`'s question of other networks: what coupling adds, what its amount foretells, what its arrangement does."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ...curvature.dense import dense_matrix
from ...curvature.operators import curvature
from ..coupling import NULLS, explained
from ..population import data_of
from ..protocol import Progress, Table
from ..statistics import bootstrap_interval
from ..turns import in_turns
from .architectures import architecture_of
from .networks import PassPopulation

CONTRASTS = ("pretask", "lr", "adam")
MATRICES, ARRANGEMENTS = 12, 4


def findings(
    population: PassPopulation, numbers: Mapping[str, Table], draws: int, folder: Path, progress: Progress
) -> dict[str, Any]:
    """(a) 1 − λ(0)/λ(1); (b) R² of ln λ_max on the logit of the off-diagonal share; (c) λ_max at the same amount, arranged otherwise."""
    top, diagonal, share = (
        np.concatenate([each(table) for table in numbers.values()])
        for each in (lambda t: t["spectrum"][:, -1], lambda t: t["diagonal"], lambda t: t["offdiagonal"])
    )
    thetas = [table["theta"][k] for k in range(MATRICES) for table in numbers.values() if k < len(table["theta"])]
    asked = list(enumerate(thetas[:MATRICES]))
    ratios = in_turns("Arrangements", lambda each: _arranged(population, *each), asked, progress)
    return {
        "added": _median(1 - diagonal / top),
        "r2": explained(np.log(top), np.log(share / (1 - share))).as_list(),
        "nulls": {name: _median(np.array([each[name] for each in ratios])) for name in NULLS},
    }


def _arranged(population: PassPopulation, number: int, theta: np.ndarray) -> dict[str, float]:
    """λ_max over the true one under each arrangement, of one network's Hessian by the library."""
    problem = architecture_of(population.architecture).problem(torch.from_numpy(theta), data_of("digits"))
    matrix = dense_matrix(curvature(problem, device="cpu")).double().numpy()
    matrix, generator = (matrix + matrix.T) / 2, np.random.default_rng([13, number])
    top = np.linalg.eigvalsh(matrix)[-1]
    return {
        name: float(np.mean([np.linalg.eigvalsh(make(matrix, generator))[-1] for _ in range(ARRANGEMENTS)]) / top)
        for name, make in NULLS.items()
    }


def _median(values: np.ndarray) -> list[float]:
    return bootstrap_interval(lambda x: np.median(x, -1), values, seed=0).as_list()


def said(numbers: Mapping[str, Any]) -> str:
    """The three numbers."""
    ratios = ", ".join(f"{name} {value[0]:.2f}" for name, value in numbers["nulls"].items())
    r2 = numbers["r2"]
    return (
        f"coupling carries {100 * numbers['added'][0]:.0f} % of λ_max; its amount explains R² {r2[0]:.2f} ({r2[1]:.2f} to {r2[2]:.2f}) of ln λ_max at equal "
        f"loss; arranged otherwise λ_max is ({ratios}) times what it was."
    )
