"""Claim `conjugate`'s question of other networks: is there a floor under the product of errors, and is the mixed pair special?"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ...curvature.dense import dense_matrix
from ...curvature.operators import curvature
from ...density.readouts import example_losses
from ...plane.plane import Plane
from ..conjugate import SPANS, _compared, _off, in_claimed_direction
from ..kept import kept_tables
from ..population import data_of
from ..protocol import Progress, Table
from ..source import made_by
from .architectures import architecture_of
from .networks import BASE, PassPopulation

CONTRASTS = ("same",)
LINES, PLACES, SPAN = 4, 65, "smooth"


def findings(
    population: PassPopulation, numbers: Mapping[str, Table], draws: int, folder: Path, progress: Progress
) -> dict[str, Any]:
    """Slopes and correlations of every pair as the claim has them, on lines with half as many places."""
    table = numbers["same"]
    count = min(LINES, len(table["seed"]))
    here = Path(__file__).parent
    settings = {
        "architecture": population.architecture,
        "level": population.level,
        "networks": population.networks,
        "base": BASE,
        "places": PLACES,
        "made by": made_by(__file__, str(here / "training.py"), str(here / "architectures.py")),
    }
    units = [(population, table["theta"][k], int(table["seed"][k])) for k in range(count)]
    names = [f"{unit[2]}-{k}" for k, unit in enumerate(units)]
    lines = kept_tables("Robustness lines", folder, settings, units, _line, progress, names)
    found = _compared({"seed": np.array([unit[2] for unit in units]), **lines}, SPAN)
    return {**found, "claimed": in_claimed_direction(found), "lines": count}


def _line(population: PassPopulation, theta: np.ndarray, seed: int) -> dict[str, np.ndarray]:
    """Each field along a network's line with the variance of its estimate from one draw."""
    architecture, weights = architecture_of(population.architecture), torch.from_numpy(theta)
    problem = architecture.problem(weights, data_of("digits"))
    moves = Plane.random(problem, seed=seed).directions[0]
    direction = torch.cat([moves[name].detach().flatten().double() for name in problem.parameters])
    places = np.linspace(-SPANS[SPAN], SPANS[SPAN], PLACES)
    values = [_at(population, weights + t * direction) for t in places]
    return {f"{SPAN}_{name}": np.array([each[name] for each in values]) for name in values[0]}


def _at(population: PassPopulation, theta: torch.Tensor) -> dict[str, float]:
    problem = architecture_of(population.architecture).problem(theta, data_of("digits"))
    matrix = dense_matrix(curvature(problem, device="cpu")).double().numpy()
    each = example_losses(problem, device="cpu")
    square = matrix @ matrix
    return {
        "loss": float(each.mean()),
        "loss_variance": float(each.var()),
        "trace": float(np.trace(matrix)),
        "trace_variance": 2 * _off(matrix),
        "norm": float(np.square(matrix).sum()),
        "norm_variance": 2 * _off(square),
    }


def said(numbers: Mapping[str, Any]) -> str:
    """Slope and difference."""
    slope, difference = numbers["mixed_slope"], numbers["correlation_difference"]
    return (
        f"on {numbers['lines']} lines the least product of errors falls with the budget by the power {slope[0]:.2f} ({slope[1]:.2f} to {slope[2]:.2f}); terrain × navigator differs from pairs of "
        f"one kind by {difference[0]:+.3f} in correlation ({difference[1]:+.3f} to {difference[2]:+.3f}; negative is the claim's direction)."
    )
