"""Walks downhill from a point: how much of the way back recovery makes, and into which basin a point drains."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from ..curvature.loss_function import LossFunction
from .context import Instruments, LocalWorker

SEGMENT_POINTS = 9  # between two ends, where the barrier is looked for
MOST_COMPARED = 6  # basins that a descent's end is compared with
LEAST_AGREEMENT = 0.25  # of the slope that must be left after a step, so that no step leaps over a valley


def recovered(bench: LocalWorker, start: Tensor, home: Tensor, weights: Tensor, step: float) -> float:
    """1 − ‖θ_k − θ*‖/‖θ − θ*‖ after k steps of plain gradient descent on task loss and penalty.

    home, weights  θ* and the penalty's second derivative, a diagonal; both flat vectors

    −∞ where the descent diverges; NaN at θ* itself, and where there is nothing
    finite to begin with: no loss or slope at θ, or no step.
    """
    point = start
    for _ in range(bench.instruments.estimation.descent_steps):
        loss, slope = bench.walked.loss_and_gradient(point)
        if point is start and not (math.isfinite(loss + step) and bool(torch.isfinite(slope).all())):
            return float("nan")
        point = point - step * (slope + weights * (point - home))
        if not bool(torch.isfinite(point).all()):
            return float("-inf")
    before, after = float((start - home).double().norm()), float((point - home).double().norm())
    return 1 - after / before if before > 0 else float("nan")


def drained(function: LossFunction, start: Tensor, steps: int, step: float) -> Tensor | None:
    """Where at most `steps` gradients downhill lead from `start`; None where the loss there is not finite.

    The loss never rises, and a step after which less than a quarter of the slope along it is left is taken back and tried
    at a third of its length: such a step may have crossed the floor of a valley into another basin.

    >>> from torch import nn
    >>> from ..problem.problem import Problem
    >>> model = nn.Linear(1, 1, bias=False).double()
    >>> well = Problem(model, torch.ones(1, 1).double(), torch.zeros(1, 1).double(), loss=lambda z, y: (z[:, 0] ** 2 - 1) ** 2)
    >>> function = LossFunction(well, device="cpu")
    >>> [round(float(drained(function, torch.full_like(function.point, x), 60, 0.1)[0]), 3) for x in (-3.0, -0.1, 0.1, 3.0)]
    [-1.0, -1.0, 1.0, 1.0]
    """
    point = start
    loss, slope = function.loss_and_gradient(point)
    if not (loss < float("inf") and bool(torch.isfinite(slope).all())):
        return None
    for _ in range(steps):
        next_point = point - step * slope
        next_loss, next_slope = function.loss_and_gradient(next_point)
        kept = float(torch.dot(next_slope.double(), slope.double()))
        if next_loss <= loss and kept >= LEAST_AGREEMENT * float(slope.double().square().sum()):
            point, loss, slope, step = next_point, next_loss, next_slope, 1.5 * step
        else:
            step /= 3
    return point


def barrier(function: LossFunction, a: Tensor, b: Tensor) -> float:
    """How far the loss on the segment from `a` to `b` rises above the straight line between its ends (Frankle et al. 2020).

    Infinite where it is no number on the way.
    """
    shares = torch.linspace(0, 1, SEGMENT_POINTS + 2).tolist()
    losses = [function.loss(torch.lerp(a, b, share)) for share in shares]
    line = [(1 - share) * losses[0] + share * losses[-1] for share in shares]
    rises = [loss - level for loss, level in zip(losses, line, strict=True)]
    return math.inf if any(math.isnan(rise) for rise in rises) else max(rises)


class Basins:
    """Basins met so far, each by the end of the descent that found it; the first is that of the plane's origin θ₀.

    A descent's end belongs to the first of the MOST_COMPARED nearest, the nearest first, that it reaches without a barrier
    above the tolerance; else it is the first of a new one. So the points must come in one order, the plan's.

    starts  (α, β) where basins were met before, that of θ₀ first; they are walked down from again
    """

    def __init__(self, instruments: Instruments, starts: Sequence[tuple[float, float]]) -> None:
        self._shared = instruments
        # None for θ₀'s where the loss there is not finite: number 0 is no other's
        self._ends = [self.end(instruments.first_bench, instruments.theta(*p)) for p in starts]

    def end(self, bench: LocalWorker, start: Tensor) -> Tensor | None:
        """Where the descent from `start` ends."""
        shared = self._shared
        bench.place(start)
        return drained(bench.walked, start, shared.estimation.descent_steps, shared.descent_step)

    def label(self, end: Tensor | None) -> float:
        """The number of the basin, 0 for that of θ₀; NaN where the loss is not finite."""
        if end is None:
            return float("nan")
        bench, tolerance = self._shared.first_bench, self._shared.estimation.barrier
        bench.place(self._shared.origin)  # barriers are looked for with θ₀'s statistics
        function = bench.walked
        found = [(float((known - end).norm()), k, known) for k, known in enumerate(self._ends) if known is not None]
        for _, basin, known in sorted(found, key=lambda each: each[:2])[:MOST_COMPARED]:
            if barrier(function, known, end) <= tolerance:
                return float(basin)
        self._ends.append(end)
        return float(len(self._ends) - 1)
