"""No tool: the network's own time, as the shortest loop has it that sets weights by sums in place and asks for the loss."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from benchmarks.case import Case
from benchmarks.peers.walk import Walk, mesh


def grid(case: Case, steps: int) -> Walk:
    names, parameters = zip(*case.model.named_parameters(), strict=True)
    origin = [case.origin[name].clone() for name in names]
    first, second = [case.first[name] for name in names], [case.second[name] for name in names]
    loss, line = nn.CrossEntropyLoss(), np.linspace(-1, 1, steps)

    @torch.no_grad()
    def run() -> np.ndarray:
        values = np.empty((steps, steps))
        for row, alpha in enumerate(line.tolist()):
            for parameter, begin, along, across in zip(parameters, origin, first, second, strict=True):
                parameter.copy_(begin).add_(along, alpha=alpha).add_(across, alpha=-1.0)
            for column in range(steps):
                values[row, column] = loss(case.model(case.inputs), case.targets).item()
                for parameter, across in zip(parameters, second, strict=True):
                    parameter.add_(across, alpha=2 / (steps - 1))
        return values

    points = mesh(line, line)
    return Walk(run, case.first, case.second, points, points)
