"""What makes a step: torch's own SGD and Adam on one flat tensor, SAM over the first, and a Runge–Kutta flow."""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np
import scipy
import torch
from torch import Tensor

from .gradients import Gradients
from .recipe import Recipe

State = dict[str, Tensor]
TOLERANCE = 1e-4  # of the flow's error in a step, relative to each parameter, and to their root mean square


class Stepper(Protocol):
    """Goes from a flat point to the next.

    time  that has passed: learning rate × steps, or the flow's own
    """

    time: float

    def step(self, point: Tensor, number: int) -> Tensor:
        """The point after step `number`, counted from 0."""

    def state(self) -> State:
        """All that the next step depends on, besides the point."""

    def restore(self, state: State, point: Tensor, number: int) -> None:
        """Go on from `state` before step `number`."""


def stepper_of(recipe: Recipe, gradients: Gradients) -> Stepper:
    """The stepper of a recipe."""
    return Flow(gradients) if recipe.optimizer == "flow" else ByTorch(recipe, gradients)


class ByTorch:
    """torch's SGD or Adam; for SAM the gradient is that at θ + ρ g/‖g‖ of the same examples."""

    def __init__(self, recipe: Recipe, gradients: Gradients) -> None:
        self._recipe, self._gradients, self.time = recipe, gradients, 0.0
        self._point = torch.nn.Parameter(gradients.function.point.clone())
        rate = float(recipe.rate or 0.0)
        self._optimizer: torch.optim.Optimizer = (
            torch.optim.Adam([self._point], rate)
            if recipe.optimizer == "adam"
            else torch.optim.SGD([self._point], rate, recipe.momentum)
        )

    @torch.no_grad()
    def step(self, point: Tensor, number: int) -> Tensor:
        """The point after step `number`."""
        self._point.copy_(point)
        self._point.grad = self._gradient(point, number)
        self._optimizer.step()
        self.time = float(self._recipe.rate or 0.0) * (number + 1)
        return self._point.detach().clone()

    def state(self) -> State:
        """Momenta and counts, by torch's names."""
        return {name: torch.as_tensor(value) for name, value in self._own().items() if value is not None}

    def restore(self, state: State, point: Tensor, number: int) -> None:
        """Go on from `state`."""
        content = self._optimizer.state_dict()
        content["state"] = {0: dict(state)} if state else {}
        self._optimizer.load_state_dict(content)
        self.time = float(self._recipe.rate or 0.0) * number

    def _own(self) -> State:
        return dict(self._optimizer.state_dict()["state"].get(0, {}))

    def _gradient(self, point: Tensor, number: int) -> Tensor:
        slope = self._gradients.at(point, number)
        if self._recipe.optimizer != "sam":
            return slope
        length = float(slope.double().norm())
        return slope if length == 0 else self._gradients.at(point + self._recipe.rho / length * slope, number)


class Flow:
    """dθ/dt = −∇L by Bogacki and Shampine's Runge–Kutta pair (scipy's RK23), in float64, its step set by its error."""

    def __init__(self, gradients: Gradients) -> None:
        self._gradients, self.time = gradients, 0.0
        self._solver: scipy.integrate.RK23 | None = None

    def step(self, point: Tensor, number: int) -> Tensor:
        """The point after one accepted step; not finite where the integrator finds none."""
        solver = self._solver or self._begun(point)
        message = solver.step()
        self.time = float(solver.t)
        if message is not None or solver.status == "failed":
            return torch.full_like(point, math.nan)
        return self._torch(solver.y)

    def state(self) -> State:
        """Time, place and the next step's length, in float64."""
        if self._solver is None:
            return {}
        numbers = {"time": self._solver.t, "next": self._solver.h_abs, "place": self._solver.y.copy()}
        return {name: torch.as_tensor(value, dtype=torch.float64) for name, value in numbers.items()}

    def restore(self, state: State, point: Tensor, number: int) -> None:
        """Go on from `state`."""
        if state:
            self.time = float(state["time"])
            self._solver = self._solver_from(state["place"].numpy(force=True), self.time, float(state["next"]))

    def _begun(self, point: Tensor) -> scipy.integrate.RK23:
        self._solver = self._solver_from(point.double().numpy(force=True), 0.0, None)
        return self._solver

    def _solver_from(self, place: np.ndarray, time: float, first: float | None) -> scipy.integrate.RK23:
        size = float(self._gradients.function.point.double().square().mean().sqrt())
        return scipy.integrate.RK23(
            self._down, time, place, np.inf, rtol=TOLERANCE, atol=TOLERANCE * (size or 1.0), first_step=first
        )

    def _down(self, _time: float, place: np.ndarray) -> np.ndarray:
        slope = self._gradients.whole(self._torch(place))
        return np.asarray(-slope.double().numpy(force=True))

    def _torch(self, place: np.ndarray) -> Tensor:
        return torch.as_tensor(place).to(self._gradients.function.point)
