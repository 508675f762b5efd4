"""landscaper: `LossLandscape.compute`, as its quick start; and its copy of PyHessian.

It scales every tensor of a direction to the same length per entry and the whole to the network's norm, whatever is
given, so it walks directions of its own: ours, so scaled. By its result value (i, j) lies at `linspace(−distance,
distance, steps)`; by its source at (i − steps // 2) · 2 distance / steps, a little nearer the centre. It replaces NaN
by the mean and adds noise to the largest value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import landscaper
import numpy as np
import torch
from landscaper.compute import compute_loss_landscape
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.case import Case
from benchmarks.peers.walk import Walk, mesh


def rescaled(direction: Mapping[str, Tensor], origin: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The direction that it makes of the one given: a step of 1 is as long as the network's parameters."""
    scaled = {k: d.double() * d.numel() ** 0.5 / (d.double().norm() + 1e-10) for k, d in direction.items()}
    length = sum(float(d.square().sum()) for d in scaled.values()) ** 0.5
    norm = sum(float(p.double().square().sum()) for p in origin.values()) ** 0.5
    return {k: d * norm / length for k, d in scaled.items()}


def loss(model: nn.Module, data: tuple[Tensor, Tensor]) -> float:
    return F.cross_entropy(model(data[0]), data[1]).item()


def grid(case: Case, steps: int) -> Walk:
    directions = [list(case.first.values()), list(case.second.values())]
    origin = {k: p.clone() for k, p in case.origin.items()}

    def run() -> np.ndarray:
        values, _ = compute_loss_landscape(
            case.model,
            (case.inputs, case.targets),
            directions,
            loss,
            steps=steps,
            distance=1.0,
            dim=2,
            device=case.inputs.device.type,
        )
        return values

    line, walked = np.linspace(-1, 1, steps), (np.arange(steps) - steps // 2) * 2 / steps
    first, second = (rescaled(d, origin) for d in (case.first, case.second))
    return Walk(run, first, second, mesh(line, line), mesh(walked, walked))


def _hessian(case: Case) -> landscaper.PyHessian:
    data = [(case.inputs, case.targets)]
    return landscaper.PyHessian(case.model, nn.CrossEntropyLoss(), data, case.inputs.device.type, try_cache=True)


def top(case: Case, count: int, tolerance: float) -> Callable[[], tuple[np.ndarray, np.ndarray]]:
    def run() -> tuple[np.ndarray, np.ndarray]:
        values, vectors = _hessian(case).eigenvalues(maxIter=1000, tol=tolerance, top_n=count)
        return np.array(values), np.stack([torch.cat([p.flatten() for p in v]).cpu().numpy() for v in vectors])

    return run


def slq(case: Case, steps: int, seed: int) -> Callable[[], tuple[np.ndarray, np.ndarray]]:
    torch.manual_seed(seed)

    def run() -> tuple[np.ndarray, np.ndarray]:
        values, vectors = _hessian(case).density(iter=steps, n_v=1)
        # torch.linalg.eig gives eigenvectors as columns; it returns all their squares, of which the first row is meant
        return np.real(np.array(values[0])), np.real(np.array(vectors[0])[0])

    return run
