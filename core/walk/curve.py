"""A curved path of low loss between two networks (Garipov et al. 2018, arXiv:1802.10026; Draxler et al. 2018).

θ(t) = (1 − t)² a + 2 t (1 − t) φ + t² b, a quadratic Bézier curve, lies in the plane of a, b and φ. Its control point φ minimises the
loss at t drawn evenly from 0 to 1, of a minibatch a step: the mean of ∂L(θ(t))/∂φ = 2 t (1 − t) ∇L(θ(t)).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..checks import InputError
from ..curvature.loss_function import LossFunction
from ..network.weight_dependence import require_dependence
from ..network.workspace import choose_device, dtype_of
from ..parameters.vectors import Vector
from ..plane.configuration import Configuration, tensors_of
from ..plane.plane import Plane
from ..plane.statistics import OWN, on_plane
from ..problem.problem import Problem
from .gradients import Gradients

STEPS, BATCH, POINTS = 400, 128, 33
RATE = 0.02  # Adam's, at first, in root mean squares of b − a a parameter; it falls to 0 evenly
ASIDE = 0.01  # how far φ begins off the middle, of ‖b − a‖: there symmetric networks have no gradient


@dataclass(frozen=True)
class Curve:
    """A curve between two networks, and the loss of all examples along it and along the straight line.

    control   φ, dict name → tensor
    t         (n,) from 0 to 1
    loss      (n,) at θ(t)
    straight  (n,) at a + t (b − a)
    said      a sentence: how it was found
    """

    control: Vector
    t: np.ndarray
    loss: np.ndarray
    straight: np.ndarray
    said: str


def low_loss_curve(
    problem: Problem,
    a: Configuration,
    b: Configuration,
    steps: int = STEPS,
    batch: int | None = BATCH,
    seed: int = 0,
    points: int = POINTS,
    *,
    batchnorm: str = OWN,
    device: str | torch.device = "auto",
    dtype: torch.dtype | str | None = None,
    progress: Callable[[int], None] | None = None,
) -> Curve:
    """Find a curve of low loss from a to b by Adam on its control point.

    A low curve shows that the two are joined; a high one shows nothing: another might be lower.

    Parameters
    ----------
    a, b       networks: dicts name → tensor over the trainable parameters, models or problems
    steps      of Adam
    batch      examples of a step; None: all
    seed       of t, of the order of examples and of where φ begins
    points     at which the loss is told
    batchnorm  as in `Plane.line`
    progress   called with the number of steps made

    Raises
    ------
    InputError  as for `Plane.line`; a loss without derivatives; fewer than one step or two points; weights that run away

    >>> class Ring(torch.nn.Module):  # its loss (|w|² − 1)² is 0 on the unit circle
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.w = torch.nn.Parameter(torch.tensor([1.0, 0.0]))
    ...     def forward(self, x):
    ...         return (self.w**2).sum() * x
    >>> ring = Problem(Ring(), torch.ones(1, 1), torch.ones(1, 1), loss="mse")
    >>> curve = low_loss_curve(ring, {"w": torch.tensor([1.0, 0.0])}, {"w": torch.tensor([-1.0, 0.0])}, device="cpu")
    >>> float(curve.straight.max()), bool(curve.loss.max() < 0.2)  # across the middle; around it
    (1.0, True)
    """
    if steps < 1 or points < 2:
        raise InputError(f"A curve needs steps of 1 or more and points of 2 or more, but got {steps} and {points}.")
    require_dependence(problem)
    moved = on_plane(problem, Plane.line(a, b, batchnorm))
    function = LossFunction(moved, None, choose_device(device), dtype_of(dtype))
    function.require_derivatives()
    search = _Search(function, tensors_of(a), tensors_of(b), Gradients(function, batch, seed), seed)
    control = search.control(steps, progress)
    t = np.linspace(0.0, 1.0, points)
    loss = np.array([search.gradients.loss(search.at(float(x), control)) for x in t])
    straight = np.array([search.gradients.loss(search.a + float(x) * (search.b - search.a)) for x in t])
    control_tensors = {name: view.detach().clone() for name, view in function.layout.views(control).items()}
    return Curve(control_tensors, t, loss, straight, f"Adam, {steps} steps, {search.gradients.said}, seed {seed}")


class _Search:
    """φ between flat ends."""

    def __init__(self, function: LossFunction, a: Vector, b: Vector, gradients: Gradients, seed: int) -> None:
        space, layout = function.workspace, function.layout
        self.chance = torch.Generator().manual_seed(seed)
        aside = {name: torch.randn(a[name].shape, generator=self.chance) for name in layout.names}
        self.a, self.b, self.aside = (layout.flatten(each, space.device, space.dtype) for each in (a, b, aside))
        self.gradients, self.count = gradients, sum(a[name].numel() for name in layout.names)
        self.apart = float((self.b - self.a).double().norm())

    def at(self, t: float, control: Tensor) -> Tensor:
        """θ(t)."""
        return (1 - t) ** 2 * self.a + 2 * t * (1 - t) * control + t**2 * self.b

    def control(self, steps: int, progress: Callable[[int], None] | None) -> Tensor:
        """φ after so many steps."""
        control = torch.nn.Parameter(self._begun())
        optimizer = torch.optim.Adam([control], RATE * self.apart / self.count**0.5)
        falling = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, steps)
        for number in range(steps):
            t = float(torch.rand((), generator=self.chance))
            control.grad = 2 * t * (1 - t) * self.gradients.at(self.at(t, control.detach()), number)
            optimizer.step()
            falling.step()
            if progress is not None:
                progress(number + 1)
        if not bool(torch.isfinite(control).all()):
            raise InputError("The curve's control point ran away: its gradients are not finite between these networks.")
        return control.detach()

    def _begun(self) -> Tensor:
        return (self.a + self.b) / 2 + ASIDE * self.apart / float(self.aside.double().norm()) * self.aside
