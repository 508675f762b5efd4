"""loss-landscapes (De Bernardi): `planar_interpolation` with its `Loss` metric, the README's base example.

It takes three models, so it can be given our directions: start at the plane's corner, and ends a little beyond the
others, since n steps of it make n points that leave out the end. Its own `random_plane` draws uniform instead of
Gaussian directions and normalises biases too, so it would walk another plane. By its docstring value (i, j) lies at
start + i·step₁ + j·step₂; by its source, rows with even i are shifted by one step along β.
"""

from __future__ import annotations

import copy

import loss_landscapes
import loss_landscapes.metrics
import numpy as np
import torch
from torch import nn

from benchmarks.case import Case
from benchmarks.peers.walk import Walk, mesh


def moved(case: Case, alpha: float, beta: float) -> nn.Module:
    """A copy of the network at a point of the plane."""
    model = copy.deepcopy(case.model)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.add_(alpha * case.first[name] + beta * case.second[name])
    return model


def grid(case: Case, steps: int) -> Walk:
    metric = loss_landscapes.metrics.Loss(nn.CrossEntropyLoss(), case.inputs, case.targets)
    end = -1 + 2 * steps / (steps - 1)

    def run() -> np.ndarray:
        models = moved(case, -1, -1), moved(case, end, -1), moved(case, -1, end)
        return loss_landscapes.planar_interpolation(*models, metric, steps)

    line = np.linspace(-1, 1, steps)
    stated = mesh(line, line)
    visited = stated.copy()
    visited[::2, :, 1] += 2 / (steps - 1)
    return Walk(run, case.first, case.second, stated, visited)
