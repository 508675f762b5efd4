"""The truth that every result is held against: plain float64, batch after batch, nothing clever."""

from __future__ import annotations

import copy
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from benchmarks.case import Case
from benchmarks.peers.walk import Walk

BATCH = 128
CORRECT = 1e-4  # of the terrain's range: ten times what float32 sums of a few thousand losses lose


@torch.no_grad()
def true_losses(
    case: Case, first: Mapping[str, Tensor], second: Mapping[str, Tensor], points: np.ndarray
) -> np.ndarray:
    """Mean cross-entropy at θ₀ + α d₁ + β d₂ for each of `points` (m, 2), in float64 throughout."""
    model = copy.deepcopy(case.model).double().eval()
    origin = {k: p.detach().clone() for k, p in model.named_parameters()}
    batches = list(zip(case.inputs.double().split(BATCH), case.targets.split(BATCH), strict=True))
    found = []
    for alpha, beta in points:
        for name, parameter in model.named_parameters():
            parameter.copy_(origin[name] + float(alpha) * first[name].double() + float(beta) * second[name].double())
        total = sum(float(F.cross_entropy(model(x), y, reduction="sum")) for x, y in batches)
        found.append(total / len(case.targets))
    return np.array(found)


def errors(case: Case, walk: Walk, values: np.ndarray, count: int) -> dict[str, float | bool]:
    """Largest error of `values` on `count` random points of the grid, as a share of the true values' range there.

    stated   at the coordinates that the tool's documentation or result gives to each value
    visited  at those where it really evaluated; far from `stated` where rows or scales are shifted
    """
    rows, columns = values.shape
    picked = np.random.default_rng(0).choice(rows * columns, size=min(count, rows * columns), replace=False)
    at = np.unravel_index(picked, values.shape)
    result: dict[str, float | bool] = {}
    for which, coordinates in (("stated", walk.stated), ("visited", walk.visited)):
        points = coordinates[at]
        truth = true_losses(case, walk.first, walk.second, points)
        result[which] = float(np.abs(values[at] - truth).max() / np.ptp(truth))
        if walk.visited is walk.stated:
            result["visited"] = result["stated"]
            break
    return result | {"correct": result["stated"] <= CORRECT}
