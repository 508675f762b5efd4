"""Evaluates points of a plane: place θ(α, β) in the flat buffer, run the data through, sum what is asked for.

One pass over the data per point, nothing read back until a whole tile is done. Memory is the model, the data,
three flat vectors and one batch's activations, whatever the size of the grid.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from ..checks import InputError, first_line, matching
from ..network.batching import cut_is_fixed, forward_batch_size, needs_whole_data, required_batch_size
from ..network.batchnorm import recalibrate
from ..network.forward import SECOND, Forward, Measure, columns_of
from ..network.purity import Stillness
from ..network.weight_dependence import require_dependence
from ..network.whole_outputs import WholeOutputs
from ..network.workspace import Batch, Workspace
from ..plane.plane import Plane
from ..problem.problem import Problem
from ..problem.trial import passes
from .batched_points import sums_at_once
from .cuda_graph import Replay
from .execution import Way
from .fused import FusedNetwork
from .kernels import Kernels
from .placement import Placement
from .precision import arithmetic, checked_insistence, checked_precision, lowered
from .precision_choice import PrecisionChoice, choose_precision
from .tuning import choose, measured_error

LOSS = "loss"  # the column that weight decay is part of
DRAW_ERROR = "loss_draw_error"  # the column of the loss's standard error over draws of random numbers


def forward_columns(problem: Problem, measures: Sequence[Measure]) -> tuple[str, ...]:
    """The columns that an `Evaluator` of `measures` gives, in its order."""
    summed, whole, second = _parted(measures)
    error = (DRAW_ERROR,) if problem.draws > 1 else ()
    first = (*columns_of(summed), *error, *columns_of(whole))
    if not second:
        return first
    return (*first, *(f"{SECOND}{column}" for column in forward_columns(problem, [m.on_its_own for m in second])))


def _parted(measures: Sequence[Measure]) -> tuple[list[Measure], list[Measure], list[Measure]]:
    """What is summed, what is of whole outputs, and what is of the second data set; the same columns asked for twice once."""
    distinct = {measure.columns: measure for measure in measures}.values()
    first = [measure for measure in distinct if not measure.second]
    return [m for m in first if not m.whole], [m for m in first if m.whole], [m for m in distinct if m.second]


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
        self.measures, whole, second = _parted(measures)
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
        self._calibrated = (
            self.workspace if within is None else within.workspace
        )  # whose data BatchNorm's statistics are of
        device = self.workspace.device
        self.precision = checked_precision(precision, self.workspace.dtype, device)
        self.choice: PrecisionChoice | None = None
        self.precision_error: dict[str, Any] | None = None
        self.fallbacks: list[str] = []
        self._insists = checked_insistence(insist, precision)
        self._predictions = self.workspace.prediction_count
        self._stillness = Stillness(self.workspace.model, device, problem.fixed_parameters)
        self._placement = Placement(plane, self.workspace.layout, device, self.workspace.dtype)
        self._fused: dict[str | None, FusedNetwork] = {}  # of each precision, whose casts are in the record
        self._way = Way(batch_size=self.workspace.batch_size)
        self._replay: tuple[Sequence[Batch], Replay] | None = None
        self._measures_whole = self.gathers
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
    def failures(self) -> dict[str, str]:
        return self._whole.failures

    @property
    def gathers(self) -> bool:
        """Whether something is measured of whole outputs, for which points go one by one and are looked at on the CPU."""
        return bool(self._whole.measures)

    @property
    def way(self) -> dict[str, Any]:
        """How the network is run, ready for JSON; given back as `way`, the same numbers come out again."""
        return self._way.as_json()

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

        Where all of them together take little time, the way stays plain.

        planned  how many points are to come in all, on this plane or others of the same problem; None: these
        """
        if self._settled or len(points) == 0:
            return
        self._settled = True
        planned = len(points) if planned is None else planned
        if self.precision is not None:
            self.choice = choose_precision(self, points, planned, self._insists)
        elif not self.runs_plainly:
            choose(self, points, planned)
        if self.precision is not None:
            self.precision_error = measured_error(self, points)

    def turn_to(self, plane: Plane) -> None:
        """Evaluate on another plane of the same network from now on; the way stays."""
        space = self.workspace
        matching(plane.origin, space.problem.parameters, "The plane")
        self._placement = Placement(plane, space.layout, space.device, space.dtype)
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
            at_once = self._way.points
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
            if self._way == self._way.plain:
                raise
            self._fall_back(self._way, first_line(error))
        return self._run(points)

    def _fall_back(self, way: Way, why: str) -> None:
        """Run the network plainly, and say so."""
        self.adopt(way.plain)
        self.fallbacks.append(
            f"The forward passes run plainly, as {way} failed here ({why}); the numbers are the same to rounding."
        )

    def multiply_in(self, precision: str | None) -> None:
        """Products are in this precision from now on; the way stays."""
        self.precision, self._replay = precision, None
        if self._second is not None:
            self._second.multiply_in(precision)
        self.workspace.forward = self.network(self._way)

    def adopt(self, way: Way) -> None:
        """Run the network this way from now on."""
        self._way, self._replay = way, None
        for network in self._fused.values():
            network.moved()  # which frees what it keeps of the last point
        self.workspace.forward = self.network(way)
        self.workspace.rebatch(way.batch_size, way.layout == "channels_last")

    def network(self, way: Way) -> Callable[..., Any]:
        """The function that runs the network on a batch under `way`."""
        if way.network == "plain":
            return self.workspace.network
        if self.precision not in self._fused:
            device, products = self.workspace.device, torch.bfloat16 if self.precision == "bf16" else None
            kernels = Kernels.of(device, products or self.workspace.dtype)
            self._fused[self.precision] = FusedNetwork(self.workspace.network, kernels)
        return self._fused[self.precision]

    def is_still(self) -> bool:
        """Whether the network was never seen to write or draw anything."""
        return self._stillness.is_still

    def trial(self, way: Way, batches: Sequence[Batch], points: np.ndarray) -> None:
        """Run `batches` at `points`, as many as `way` takes at once, and wait until that is done."""
        space, way_before = self.workspace, self._way
        batches_before = space.batches
        try:
            space.forward, space.batches, self._way = self.network(way), batches, way
            self._measures_whole = False  # of some of the batches it means nothing
            with passes(self.workspace.problem.differentiates), arithmetic(self.precision):
                self._stillness.run(functools.partial(self._sums, points)).cpu()  # which waits for a GPU
        finally:
            self._measures_whole = self.gathers
            space.forward, space.batches, self._way = self.network(way_before), batches_before, way_before

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
                smaller = self._smaller(error)
            torch.cuda.empty_cache()
            self.adopt(smaller)

    def _smaller(self, error: Exception) -> Way:
        """The way that takes half the memory."""
        if needs_whole_data(self.workspace.problem):
            raise InputError(
                "The data set does not fit into the GPU's memory at once, as BatchNorm's statistics over all "
                "of it need: use --device cpu, or fewer examples."
            ) from error
        if cut_is_fixed(self.workspace.problem):
            raise InputError(
                f"A batch of {self._way.batch_size} examples, which belong together, does not fit into the GPU's memory: use "
                "--device cpu, or Problem(…, batches=…) with fewer."
            ) from error
        if self._way.batch_size > 1:
            return replace(self._way, batch_size=self._way.batch_size // 2)
        if self._way.points > 1:
            return replace(self._way, points=self._way.points // 2)
        raise InputError(
            "Not even one example fits into the GPU's memory: use --device cpu, or float32 in place of float64."
        ) from error

    def _sums(self, points: np.ndarray) -> Tensor:
        """Sums over predictions at points (m, 2), (m, columns)."""
        at_once = self._way.points
        if len(points) > at_once:  # memory ended, and the way takes fewer than it did
            return torch.cat([self._sums(points[i : i + at_once]) for i in range(0, len(points), at_once)])
        if at_once > 1:  # always as many, so that no number depends on where a tile ends
            filled = points[np.minimum(np.arange(at_once), len(points) - 1)]
            sums, flats = sums_at_once(self.workspace, self._placement, self._batch_sums, filled, self.precision)
            return self._with_decay(sums, flats)[: len(points)]
        alpha, beta = points[0].tolist()
        self._placement.place(alpha, beta, self.workspace.flat)
        if self._way.graph and not self.workspace.is_streamed:  # a graph holds on to its batches
            return self._with_decay(self._replayed(), self.workspace.flat)[None]
        if self.workspace.problem.batchnorm == "recalibrate":
            recalibrate(self._calibrated)
        return self._with_decay(self._total(), self.workspace.flat)[None]

    def _replayed(self) -> Tensor:
        batches = self.workspace.batches
        if self._replay is None or self._replay[0] is not batches:
            self._replay = batches, Replay(self._total, self.workspace.device)
        return self._replay[1]()

    def _total(self) -> Tensor:
        """Sums over all batches at the point that the network is at."""
        space = self.workspace
        if self._way.network == "fused":
            self._fused[self.precision].moved()
        draws = space.problem.draws
        totals = torch.zeros(draws, len(self.summed) - (draws > 1), dtype=torch.float64, device=space.device)
        gathered = [self._whole.begin() for _ in range(draws)]
        for index, batch in enumerate(space.batches):
            self._stillness.begin(batch.number)
            draw = index * draws // len(space.batches)
            with lowered(self.precision, space.device.type):
                returned = space.returned(batch)
                outputs = space.rows(returned, batch)
            totals[draw] += self._batch_sums(outputs, batch)
            if self._measures_whole:
                gathered[draw].add(returned)
        sums = totals[0] if draws == 1 else torch.cat([totals.sum(0), draws * draws**-0.5 * totals[:, 0].std()[None]])
        return torch.cat([sums, self._whole.numbers(gathered).to(sums)]) if self._measures_whole else sums

    def _batch_sums(self, outputs: Tensor, batch: Batch) -> Tensor:
        if self.precision is not None:
            outputs = pytree.tree_map_only(Tensor, _exactly_held, outputs)
        problem = self.workspace.problem
        forward = Forward(problem, outputs, batch.targets, batch.law)
        if batch.beside is None:
            return torch.cat([measure.sums(forward) for measure in self.measures]).detach()
        rows, beside = self.workspace.stated_rows(outputs, batch), batch.beside
        stated = Forward(problem.stated, rows, beside.targets, beside.law)
        # all sums are divided by the number of the loss's predictions
        share = self._stated_share
        sums = [each.sums(forward) if each.of_loss else share * each.sums(stated) for each in self.measures]
        return torch.cat(sums).detach()

    @functools.cached_property
    def _stated_share(self) -> float:
        problem = self.workspace.problem
        return problem.prediction_count / problem.stated.prediction_count

    def _with_decay(self, sums: Tensor, flat: Tensor) -> Tensor:
        """Sums (…, columns) with ½ λ ‖θ‖² in every loss, θ in `flat` (…, size), where the problem has weight decay."""
        decay = self.workspace.problem.weight_decay
        if not decay or LOSS not in self.summed:
            return sums
        penalty = 0.5 * decay * flat.double().square().sum(-1)
        sums = sums.clone()
        sums[..., self.summed.index(LOSS)] += penalty * self._predictions
        return sums


def _exactly_held(tensor: Tensor) -> Tensor:
    return tensor.float() if tensor.is_floating_point() else tensor
