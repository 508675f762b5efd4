"""`walk`: an optimiser from any place of parameter space, with the loss where it is and where that lies from a plane."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..checks import InputError, matching
from ..curvature.loss_function import LossFunction
from ..network.weight_dependence import require_dependence
from ..network.workspace import dtype_of
from ..parameters.hashing import digest, tensor_digest
from ..plane.plane import Plane
from ..problem.problem import Problem
from .gradients import Gradients
from .recipe import Recipe
from .record import READOUTS, Walk, read_walk, write_walk
from .steppers import stepper_of

DONE = "All steps are made."
SAVED_EVERY = 1.0  # seconds between two writings of a walk that goes on, and no more than a tenth of the time


def walk(
    problem: Problem,
    recipe: Recipe | None = None,
    at: Mapping[str, Tensor] | None = None,
    plane: Plane | None = None,
    *,
    device: str | torch.device = "auto",
    dtype: torch.dtype | str | None = None,
    store: Path | None = None,
    progress: Callable[[Walk], None] | None = None,
) -> Walk:
    """Follow an optimiser from a place, in the full parameter space, in eval mode as landscapes are measured.

    Parameters
    ----------
    recipe    which optimiser, how long; None: SGD as `Recipe` has it
    at        θ to begin at, dict name → tensor; None: θ₀
    plane     that the walk is seen on: every record is projected onto it by least squares
    device, dtype  as in `survey`
    store     a file that it is written to while it goes; one that is there already, of the same walk, goes on, to the bit
    progress  called after every record

    Returns
    -------
    Walk      with the loss of all examples at every record, and at the end the place itself

    Raises
    ------
    InputError  a start of another network, a loss without derivatives, a file of another walk

    Sources: Kingma & Ba 2015; Foret et al. 2021; Bogacki & Shampine 1989.

    >>> from torch import nn
    >>> well = Problem(nn.Linear(1, 1, bias=False).double(), torch.ones(1, 1).double(), torch.zeros(1, 1), loss="mse")
    >>> start = {"weight": torch.tensor([[1.0]]).double()}  # L = w², so that a step of 0.25 halves w
    >>> walk(well, Recipe("sgd", 3, rate=0.25), start, device="cpu").loss.tolist()
    [1.0, 0.25, 0.0625, 0.015625]
    """
    recipe = recipe or Recipe()
    require_dependence(problem)
    if at is not None:
        matching(at, problem.parameters, "The start of a walk")
    function = LossFunction(problem, at, device, dtype_of(dtype))
    function.require_derivatives()
    course = _Course(function, recipe, plane)
    first = latest = course.begun() if store is None or not store.exists() else course.of_file(store)
    saved, took = -math.inf, 0.0
    for latest in course.go_on(first):
        if progress is not None:
            progress(latest)
        if store is not None and (latest.over or time.monotonic() - saved > max(SAVED_EVERY, 10 * took)):
            before = time.monotonic()
            write_walk(latest, store)
            saved = time.monotonic()
            took = saved - before
    return latest


class _Course:
    """The walk of a recipe from the point of a loss function."""

    def __init__(self, function: LossFunction, recipe: Recipe, plane: Plane | None) -> None:
        self.function, self.recipe, self.plane = function, recipe, plane
        self.gradients = Gradients(function, recipe.batch, recipe.seed)
        self.stepper = stepper_of(recipe, self.gradients)

    def begun(self) -> Walk:
        """A walk with its start alone."""
        empty: Any = dict.fromkeys(READOUTS, np.empty(0))
        blank = Walk(self.recipe, self.function.problem.name, self._start, self.gradients.said, **empty, end={})
        return self._recorded(blank, self.function.point, 0)

    def of_file(self, path: Path) -> Walk:
        """The walk in a file, as far as it has come."""
        stored = read_walk(path)
        if stored.recipe != self.recipe or stored.start != self._start:
            raise InputError(
                f"'{path.name}' holds another walk: choose another file, or remove it (--overwrite) to begin anew."
            )
        return stored

    def go_on(self, latest: Walk) -> Iterator[Walk]:
        """The walk at every record from here on, `latest` first."""
        yield latest
        if latest.over:
            return
        space = self.function.workspace
        point = self.function.layout.flatten(latest.end, space.device, space.dtype)
        self.stepper.restore(latest.state, point, latest.done)
        for number in range(latest.done, self.recipe.steps):
            moved = self.stepper.step(point, number)
            if not bool(torch.isfinite(moved).all()):
                yield replace(
                    latest, over=f"Step {number + 1} led to weights that are not finite: take a smaller rate."
                )
                return
            point = moved
            if (number + 1) % (self.recipe.every or 1) == 0 or number + 1 == self.recipe.steps:
                latest = self._recorded(latest, point, number + 1)
                yield latest
                if latest.over:
                    return

    def _recorded(self, before: Walk, point: Tensor, step: int) -> Walk:
        place = {name: view.detach().clone() for name, view in self.function.layout.views(point).items()}
        loss = self.gradients.loss(point)
        seen = (math.nan,) * 3 if self.plane is None else self.plane.project(place)
        new = dict(zip(READOUTS, (step, self.stepper.time, loss, *seen), strict=True))
        rows: Any = {name: np.append(getattr(before, name), value) for name, value in new.items()}
        over = DONE if step == self.recipe.steps else ""
        if not math.isfinite(loss):
            over = f"The loss is not finite after step {step}: take a smaller rate, or begin elsewhere."
        state = {} if over else {name: value.clone() for name, value in self.stepper.state().items()}
        return replace(before, **rows, end=place, over=over, state=state)

    @property
    def _start(self) -> str:
        seen = None if self.plane is None else {"kind": self.plane.kind, **self.plane.details}
        return digest({"point": tensor_digest({"point": self.function.point}), "plane": seen})
