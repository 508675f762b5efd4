"""What the tests of further heights share: a small classifier with a second data set, two metrics, and truths at a plane's points."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cases
import numpy as np
from lossnav.core import Plane, Problem
from sklearn.metrics import f1_score
from torch import Tensor
from torch.func import functional_call

SPAN = ((-1.0, 1.0), (-0.5, 1.5))
X, Y = cases.normal(30, 3, seed=5), cases.labels(30, classes=4, seed=6)
TEST = (X[12:], Y[12:])


def f1(outputs: Tensor, targets: Tensor) -> float:
    return float(f1_score(targets, outputs.argmax(1), average="macro", zero_division=0))


def top2(outputs: Tensor, targets: Tensor) -> Tensor:
    return (outputs.topk(2).indices == targets[:, None]).any(1)


def classifier(**more: Any) -> Problem:
    return Problem(cases.initialised(cases.mlp(), 1), X[:12], Y[:12], **more)


def at_points(land: Any, plane: Plane, found: Callable[[dict[str, Tensor]], float]) -> np.ndarray:
    return np.array([[found(plane.at(float(a), float(b))) for b in land.beta.values] for a in land.alpha.values])


def outputs_of(problem: Problem, inputs: Tensor, point: dict[str, Tensor]) -> Tensor:
    return functional_call(problem.working_copy(), point, (inputs,)).detach()
