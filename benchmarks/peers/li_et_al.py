"""The reference implementation's way (Li et al. 2018, github.com/tomgoldstein/loss-landscape), written anew from it.

For every point: a deep copy of the state dict plus the step, loaded into the network; then a pass over a DataLoader in
batches of 128, the loss of each batch read back and averaged, correct predictions counted. The loader has no workers
here; the original's default is two, started anew at every point: see li_et_al_workers.
"""

from __future__ import annotations

import copy

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.case import Case
from benchmarks.peers.walk import Walk, mesh

BATCH = 128


def grid(case: Case, steps: int, workers: int = 0) -> Walk:
    device = case.inputs.device
    data = TensorDataset(case.inputs.cpu(), case.targets.cpu())
    loader = DataLoader(data, BATCH, shuffle=False, num_workers=workers)
    net, criterion = case.model, nn.CrossEntropyLoss()
    states = copy.deepcopy(net.state_dict())
    still = {k: torch.zeros_like(v) for k, v in states.items()}
    first, second = {**still, **case.first}, {**still, **case.second}
    line = np.linspace(-1, 1, steps)

    def evaluate() -> tuple[float, float]:
        net.eval()
        total, correct, seen = 0.0, 0, 0
        with torch.no_grad():
            for inputs, targets in loader:
                inputs, targets = inputs.to(device), targets.to(device)
                outputs = net(inputs)
                total += criterion(outputs, targets).item() * len(targets)
                correct += outputs.argmax(1).eq(targets).sum().item()
                seen += len(targets)
        return total / seen, 100.0 * correct / seen

    def run() -> np.ndarray:
        values = np.empty((steps, steps))
        for row, column in np.ndindex(steps, steps):
            placed = copy.deepcopy(states)
            for name, value in placed.items():
                change = first[name] * float(line[row]) + second[name] * float(line[column])
                value.add_(change.type(value.type()))
            net.load_state_dict(placed)
            values[row, column], _ = evaluate()
        net.load_state_dict(states)
        return values

    points = mesh(line, line)
    return Walk(run, case.first, case.second, points, points)
