"""Means over predictions at points of a plane: the way the network is run is chosen, kept to, and left where it fails."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..checks import InputError, first_line, matching
from ..network.batching import cut_is_fixed, forward_batch_size, required_batch_size
from ..network.forward import Measure, columns_of
from ..network.purity import Stillness
from ..network.weight_dependence import require_dependence
from ..network.whole_outputs import WholeOutputs
from ..network.workspace import Batch, Workspace
from ..plane.plane import Plane
from ..problem.problem import Problem
from ..problem.trial import passes
from .execution import Way
from .forward_columns import forward_columns, parted
from .passes import Passes
from .placement import Placement
from .precision import arithmetic, checked_insistence, checked_precision
from .precision_choice import PrecisionChoice, choose_precision
from .smaller import smaller
from .tuning import choose, measured_error


class Evaluator:
    """Means over predictions at points of a plane.

    Parameters
    ----------
    problem, plane   what, and where
    measures         what to sum in the forward passes; the same columns asked for twice are measured once. Those of the second
                     data set are taken at the same points in passes of their own, which run plainly
    device, dtype    where and in which precision
    batch_size       examples per pass; None: by the rule of `forward_batch_size`, or as `tune` finds
    precision        of float32 products: None or "float32": exactly; "tf32" (GPU) or "bf16": rounded to these
    way              how the network is run, as the attribute of this name stated it before; None: plainly, or as `tune` finds
    insist           keep to the precision even where `tune` finds it no faster than exact products
    within           an evaluator of the same network on other data: its copy of the network, its point and its BatchNorm
                     statistics are these; not for two threads at once

    Attributes
    ----------
    summed           the names of what is summed over predictions, and of the error of the mean loss over draws
    columns          the names of what `evaluate` returns, in its order: `summed`, what is of whole outputs, and the second data set's
    precision        what products are in now; None where they are exact
    choice           whether a lower precision asked for is faster here, as `tune` timed it; None before, or where none was
    precision_error  what the lower precision costs, as `tune` measured it; None where products are exact
    fallbacks        sentences: why the network is not run, or no longer, the way that was given or chosen
    failures         name of a readout of whole outputs → why it has no number at some of the points so far

    Raises
    ------
    InputError  a plane of another network, an unknown or impossible precision or way, insistence on no precision, batches of
                another size than the loss is made of, a loss that does not depend on the parameters
    """

    def __init__(
        self,
        problem: Problem,
        plane: Plane,
        measures: Sequence[Measure],
        device: torch.device,
        dtype: torch.dtype | None = None,
        batch_size: int | None = None,
        precision: str | None = None,
        way: Mapping[str, Any] | None = None,
        insist: bool = False,
        within: Evaluator | None = None,
    ) -> None:
        matching(plane.origin, problem.parameters, "The plane")
        self.measures, whole, second = parted(measures)
        self.columns, self.summed = forward_columns(problem, measures), forward_columns(problem, self.measures)
        self._whole = WholeOutputs(problem, whole, {} if within is None else within.failures)
        self.batch_size_given, self._settled = batch_size is not None, False
        require_dependence(problem)
        required = required_batch_size(problem, device)
        if batch_size is not None and required is not None and batch_size != required:
            raise InputError(
                f"batch_size is {batch_size}, but batches of {required} examples are part of this loss, because its examples "
                "belong together or its forward draws random numbers: leave batch_size out, or give Problem(…, batches=…)."
            )
        size = batch_size if batch_size is not None else forward_batch_size(problem, device)
        self.workspace: Workspace = (
            Workspace(problem, device, dtype, size) if within is None else within.workspace.beside(problem, size)
        )
        device = self.workspace.device
        self.choice: PrecisionChoice | None = None
        self.precision_error: dict[str, Any] | None = None
        self.fallbacks: list[str] = []
        self._insists = checked_insistence(insist, precision)
        self._predictions = self.workspace.prediction_count
        self._stillness = Stillness(self.workspace.model, device, problem.fixed_parameters)
        self._passes = Passes(
            self.workspace,
            self.workspace if within is None else within.workspace,
            Placement(plane, self.workspace.layout, device, self.workspace.dtype),
            self.measures,
            self.summed,
            self._whole,
            self._stillness,
            checked_precision(precision, self.workspace.dtype, device),
        )
        self._second = self._on_second(plane, [measure.on_its_own for measure in second])
        if way is not None:
            self.pin(way)

    def _on_second(self, plane: Plane, measures: list[Measure]) -> Evaluator | None:
        """The evaluator of the second data set; None where nothing is asked of it."""
        if not measures:
            return None
        problem, space = self.workspace.problem.test, self.workspace
        assert problem is not None
        size = min(space.batch_size, problem.example_count) if self.batch_size_given else None
        size = size if required_batch_size(problem, space.device) is None else None
        return Evaluator(problem, plane, measures, space.device, space.dtype, size, self.precision, within=self)

    @property
    def precision(self) -> str | None:
        return self._passes.precision

    @property
    def failures(self) -> dict[str, str]:
        return self._whole.failures

    @property
    def gathers(self) -> bool:
        """Whether something is measured of whole outputs, for which points go one by one and are looked at on the CPU."""
        return bool(self._whole.measures)

    @property
    def way(self) -> dict[str, Any]:
        """How the network is run, ready for JSON; given back as `way`, the same numbers come out again."""
        return self._passes.way.as_json()

    def pin(self, way: Mapping[str, Any]) -> None:
        """Run the network the way that another evaluator of the same problem stated; plainly where that cannot be had.

        Raises
        ------
        InputError  what is stated is no way
        """
        stated = Way.of(way)
        plain = stated.plain
        if self.runs_plainly:
            stated = plain = replace(plain, batch_size=self.workspace.batch_size)
        self._settled = True
        stated = replace(stated, graph=stated.graph and self.workspace.device.type == "cuda" and not self.gathers)
        stated = replace(stated, points=1) if self.gathers else stated
        # another machine, or another version of torch, than where it was chosen, may not have it
        if stated == plain:
            self.adopt(plain)
        elif isinstance(why := self.tried(stated, np.zeros((stated.points, 2))), str):
            self._fall_back(stated, why)

    def settle(self, precision: str | None) -> None:
        """Products are in this precision from now on, as they were in the points measured before.

        Raises
        ------
        InputError  unknown, or impossible here
        """
        self.multiply_in(checked_precision(precision, self.workspace.dtype, self.workspace.device))

    def tried(self, way: Way, points: np.ndarray) -> np.ndarray | str:
        """The columns at `points` (m, 2) found this `way`, which stays; why not, where the network cannot be run so."""
        try:
            self.adopt(way)
            columns = self._rows(points, self._run)
        except Exception as error:  # the network's own code, given tensors that it may not expect, raises what it likes
            return first_line(error)
        return columns if self.is_still() else "the network writes to itself or draws random numbers"

    def tune(self, points: np.ndarray, planned: int | None = None) -> None:
        """Choose the fastest way for `points` (m, 2), which are to come, unless a way was given or chosen before.

        Where all of them together take little time, the way stays plain; it may be chosen later, when more are to come.

        planned  how many points are to come in all, on this plane or others of the same problem; None: these
        """
        if self._settled or len(points) == 0:
            return
        planned = len(points) if planned is None else planned
        self._settled = self.precision is not None or choose(self, points, planned)
        if self.precision is not None:
            self.choice = choose_precision(self, points, planned, self._insists)
        if self.precision is not None:
            self.precision_error = measured_error(self, points)

    def turn_to(self, plane: Plane) -> None:
        """Evaluate on another plane of the same network from now on; the way stays."""
        space = self.workspace
        matching(plane.origin, space.problem.parameters, "The plane")
        self._passes.placement = Placement(plane, space.layout, space.device, space.dtype)
        if self._second is not None:
            self._second.turn_to(plane)

    def evaluate(self, points: np.ndarray) -> np.ndarray:
        """The columns at `points` (m, 2), as (m, columns) float64; NaN and infinities as they come.

        Where a way that is not the plain one raises, the plain one takes over: `fallbacks` says so.

        Raises
        ------
        InputError  not even one example fits into the device's memory
        """
        return self._rows(points, self._run_somehow)

    def _rows(self, points: np.ndarray, run: Callable[[np.ndarray], Tensor]) -> np.ndarray:
        own = len(self.summed) + len(columns_of(self._whole.measures))
        rows = torch.empty(len(points), own, dtype=torch.float64, device=self.workspace.device)
        with passes(self.workspace.problem.differentiates), arithmetic(self.precision):
            at_once = self._passes.way.points
            for start in range(0, len(points), at_once):
                part = slice(start, start + at_once)
                rows[part] = run(points[part])
            rows[:, : len(self.summed)] /= self._predictions
            result: np.ndarray = rows.cpu().numpy()
        return result if self._second is None else np.hstack([result, self._second.evaluate(points)])

    def _run(self, points: np.ndarray) -> Tensor:
        return self._stillness.run(functools.partial(self._sums_with_room, points))

    def _run_somehow(self, points: np.ndarray) -> Tensor:
        """Sums at points; by the plain way where the present one raises, which takes over from there."""
        try:
            return self._run(points)
        except (InputError, torch.OutOfMemoryError):  # which the plain way would raise too
            raise
        except Exception as error:  # a library's kernel, or the network's own code in a record of it
            if self._passes.way == self._passes.way.plain:
                raise
            self._fall_back(self._passes.way, first_line(error))
        return self._run(points)

    def _fall_back(self, way: Way, why: str) -> None:
        """Run the network plainly, and say so."""
        self.adopt(way.plain)
        self.fallbacks.append(
            f"The forward passes run plainly, as {way} failed here ({why}); the numbers are the same to rounding."
        )

    def multiply_in(self, precision: str | None) -> None:
        """Products are in this precision from now on; the way stays."""
        if self._second is not None:
            self._second.multiply_in(precision)
        self._passes.multiply_in(precision)

    def adopt(self, way: Way) -> None:
        """Run the network this way from now on."""
        self._passes.adopt(way)

    def is_still(self) -> bool:
        """Whether the network was never seen to write or draw anything."""
        return self._stillness.is_still

    def trial(self, way: Way, batches: Sequence[Batch], points: np.ndarray) -> None:
        """Run `batches` at `points`, as many as `way` takes at once, and wait until that is done."""
        differentiates = self.workspace.problem.differentiates
        with self._passes.trying(way, batches), passes(differentiates), arithmetic(self.precision):
            self._stillness.run(functools.partial(self._sums, points)).cpu()  # which waits for a GPU

    @property
    def runs_plainly(self) -> bool:
        """Whether there is no other way: batches are part of the loss, or autograd needs the network itself."""
        problem = self.workspace.problem
        return cut_is_fixed(problem) or problem.differentiates

    def _sums_with_room(self, points: np.ndarray) -> Tensor:
        """Sums at points, the batch halved until it fits into memory."""
        while True:
            try:
                return self._sums(points)
            except torch.OutOfMemoryError as error:
                way = smaller(self._passes.way, self.workspace.problem, error)
            torch.cuda.empty_cache()
            self.adopt(way)

    def _sums(self, points: np.ndarray) -> Tensor:
        return self._passes.sums(points)
