"""Critical sharpness: 2 over the largest step along an update before the loss rises, from forward passes alone (arXiv 2601.16979).

L(θ + η u) first rises above L(θ) at η_c. On a quadratic with u = −∇L, η_c = 2 gᵀg / gᵀHg, so that λ_c = 2/η_c is the curvature
along the gradient, and λₘₐₓ where the gradient is its eigenvector. Nothing is differentiated but the gradient, and that only where
no update is given: it can be had where no product with the Hessian fits in memory.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from ..checks import InputError, matching
from ..curvature.loss_function import LossFunction
from ..network.weight_dependence import require_dependence
from ..problem.problem import Problem

START = 1e-3  # of θ's length: the first step tried
MOST_DOUBLINGS = 60
ROUNDINGS = 16  # units of the loss's last place, that a change of it must exceed


@dataclass(frozen=True)
class CriticalSharpness:
    """The outcome of the search for the critical step.

    step       η_c, the middle of its bracket; infinite where no step tried made the loss rise
    sharpness  2 / η_c; of the update −∇L, an eigenvalue's unit
    bracket    the loss has not risen at the first step and has at the second
    loss       L(θ), where the step begins
    passes     over the data, that were made
    """

    step: float
    sharpness: float
    bracket: tuple[float, float]
    loss: float
    passes: int


def critical_sharpness(
    problem: Problem,
    at: Mapping[str, Tensor] | None = None,
    update: Mapping[str, Tensor] | None = None,
    device: str | torch.device = "auto",
    dtype: torch.dtype | str | None = None,
    tolerance: float = 1e-3,
) -> CriticalSharpness:
    """The largest step along an update before the loss rises, by doubling and then halving the interval.

    Steps are doubled from a thousandth of θ's length, so a rise and fall of the loss between two of them is not seen.

    Parameters
    ----------
    at         the point θ, name → tensor; None: θ₀
    update     what a step of 1 adds to θ, by name, such as an optimiser's own; None: −∇L(θ), as gradient descent has it
    tolerance  width of the bracket relative to the step

    Raises
    ------
    InputError  an update that does not lower the loss at any step that rounding can tell; a loss that is not finite

    >>> from torch import nn
    >>> well = Problem(nn.Linear(2, 1, bias=False).double(), 2**0.5 * torch.eye(2).double(), torch.zeros(2, 1), loss="mse")
    >>> round(critical_sharpness(well, device="cpu").sharpness, 2)  # L = ‖θ‖², H = 2 I
    2.0
    """
    require_dependence(problem)
    if not 0 < tolerance < 1:
        raise InputError(f"tolerance should be between 0 and 1, but is {tolerance}: 0.001 gives three digits.")
    function = LossFunction(problem, at, device, dtype).calibrate()
    search = _StepSearch(function, _direction(function, update))
    low, high = search.bracketed()
    while math.isfinite(high) and high - low > tolerance * high:
        middle = 0.5 * (low + high)
        low, high = (low, middle) if search.rises(middle) else (middle, high)
    step = 0.5 * (low + high)
    return CriticalSharpness(step, 2 / step, (low, high), search.here, search.passes)


def _direction(function: LossFunction, update: Mapping[str, Tensor] | None) -> Tensor:
    if update is None:
        direction = -function.gradient()
    else:
        matching(update, function.problem.parameters, "The update")
        direction = function.layout.flatten(update, function.point.device, function.point.dtype)
    if not bool(torch.isfinite(direction).all()) or not bool(direction.any()):
        what = "The gradient" if update is None else "The update"
        raise InputError(f"{what} is zero or not finite, so there is no step along it: give update=, or another place.")
    return direction


class _StepSearch:
    """Whether the loss has risen at a step, counted."""

    def __init__(self, function: LossFunction, direction: Tensor) -> None:
        self._function, self._direction, self.passes = function, direction, 0
        self.here = self._loss(0.0)
        if not math.isfinite(self.here):
            raise InputError(
                "The loss is not finite at this place, so no step from it can be measured: choose another."
            )
        eps = torch.finfo(function.workspace.dtype).eps
        self._noise = ROUNDINGS * eps * abs(self.here) / max(1.0, function.workspace.prediction_count**0.5)

    def rises(self, step: float) -> bool:
        """Whether L(θ + step u) > L(θ); what is not finite has risen."""
        return not self._loss(step) <= self.here

    def bracketed(self) -> tuple[float, float]:
        """A step at which the loss has not risen, and the next one tried, at which it has."""
        length, size = float(self._function.point.double().norm()), float(self._direction.double().norm())
        step = START * (length if length > START else 1.0) / size
        if self.rises(step):
            while True:
                step /= 2
                there = self._loss(step)
                if there <= self.here:
                    return step, 2 * step
                if there - self.here <= self._noise:
                    raise InputError(
                        "The loss rises at every step along this update that rounding can tell from none: it is no direction of "
                        "descent. Give the step that is added to the weights (minus the gradient), or dtype=torch.float64."
                    )
        for _ in range(MOST_DOUBLINGS):
            if self.rises(2 * step):
                return step, 2 * step
            step *= 2
        return step, math.inf

    def _loss(self, step: float) -> float:
        self.passes += 1
        return self._function.loss(self._function.point + step * self._direction if step else self._function.point)
