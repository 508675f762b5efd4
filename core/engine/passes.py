"""Forward passes at points of a plane: θ(α, β) goes into the flat buffer, the data run through, what is asked for is summed.

One pass over the data per point, nothing read back until a whole tile is done. Memory is the model, the data,
three flat vectors and one batch's activations, whatever the size of the grid.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from ..network.batchnorm import recalibrate
from ..network.forward import Forward, Measure
from ..network.purity import Stillness
from ..network.whole_outputs import WholeOutputs
from ..network.workspace import Batch, Workspace
from .batched_points import sums_at_once
from .cuda_graph import Replay
from .execution import Way
from .forward_columns import LOSS
from .fused import FusedNetwork
from .kernels import Kernels
from .placement import Placement
from .precision import lowered
from .stacked import StackedNetwork
from .sums_of_each import sums_of_each
from .tracing import UnrecordableError


class Passes:
    """Sums over predictions at points, the network run one way, in one precision of products.

    Parameters
    ----------
    space       the network's copy and the data
    calibrated  the workspace whose data BatchNorm's statistics are of
    placement   where the points come from
    measures    what to sum over predictions
    summed      names of what is summed, and of the error of the mean loss over draws
    whole       what is measured of whole outputs, beside the sums
    stillness   watches whether the network writes to itself
    precision   of products, checked; None: exact

    Attributes
    ----------
    way         how the network is run now; `adopt` sets it
    """

    def __init__(
        self,
        space: Workspace,
        calibrated: Workspace,
        placement: Placement,
        measures: Sequence[Measure],
        summed: Sequence[str],
        whole: WholeOutputs,
        stillness: Stillness,
        precision: str | None,
    ) -> None:
        self.space, self.placement, self.precision = space, placement, precision
        self._calibrated, self._measures, self._summed = calibrated, measures, summed
        self._whole, self._stillness = whole, stillness
        self._gathers, self._predictions = bool(whole.measures), space.prediction_count
        self._fused: dict[str | None, FusedNetwork] = {}  # of each precision, whose casts are in the record
        self._stack = StackedNetwork(space)
        self._replay: tuple[Sequence[Batch], Replay] | None = None
        self.way = Way(batch_size=space.batch_size)

    def adopt(self, way: Way) -> None:
        """Run the network this way from now on."""
        self.way, self._replay = way, None
        for network in self._fused.values():
            network.moved()  # which frees what it keeps of the last point
        self.space.forward = self.network(way)
        before = self.space.batches
        self.space.rebatch(way.batch_size, way.layout == "channels_last")
        if self.space.batches is not before:
            self._stack.forget()

    def multiply_in(self, precision: str | None) -> None:
        """Products are in this precision from now on; the way stays."""
        self.precision, self._replay = precision, None
        self.space.forward = self.network(self.way)

    def network(self, way: Way) -> Callable[..., Any]:
        """The function that runs the network on a batch under `way`."""
        if way.network != "fused":
            return self.space.network
        if self.precision not in self._fused:
            device, products = self.space.device, torch.bfloat16 if self.precision == "bf16" else None
            kernels = Kernels.of(device, products or self.space.dtype)
            self._fused[self.precision] = FusedNetwork(self.space.network, kernels)
        return self._fused[self.precision]

    @contextlib.contextmanager
    def trying(self, way: Way, batches: Sequence[Batch]) -> Iterator[None]:
        """Run these `batches` under `way` inside, and everything as before afterwards."""
        space, way_before, batches_before = self.space, self.way, self.space.batches
        try:
            space.forward, space.batches, self.way = self.network(way), batches, way
            self._gathers = False  # of some of the batches it means nothing
            yield
        finally:
            self._gathers = bool(self._whole.measures)
            space.forward, space.batches, self.way = self.network(way_before), batches_before, way_before

    def sums(self, points: np.ndarray) -> Tensor:
        """Sums over predictions at points (m, 2), (m, columns)."""
        at_once = self.way.points
        if len(points) > at_once:  # memory ended, and the way takes fewer than it did
            return torch.cat([self.sums(points[i : i + at_once]) for i in range(0, len(points), at_once)])
        if at_once > 1 or self.way.stacks:  # always as many, so that no number depends on where a tile ends
            filled = points[np.minimum(np.arange(at_once), len(points) - 1)]
            flats = self.placement.place_all(filled, self.space.flat)
            if self.way.stacks:
                sums = self._stacked_sums(filled, flats)
            else:
                sums = sums_at_once(self.space, flats, self._batch_sums, self.precision)
            return self._with_decay(sums, flats)[: len(points)]
        alpha, beta = points[0].tolist()
        self.placement.place(alpha, beta, self.space.flat)
        if self.way.graph and not self.space.is_streamed:  # a graph holds on to its batches
            return self._with_decay(self._replayed(), self.space.flat)[None]
        if self.space.problem.batchnorm == "recalibrate":
            recalibrate(self._calibrated)
        return self._with_decay(self._total(), self.space.flat)[None]

    def _stacked_sums(self, points: np.ndarray, flats: Tensor) -> Tensor:
        if self.precision is not None:
            raise UnrecordableError("its products are exact, and lower precision is asked for")
        places = [(alpha, beta) for alpha, beta in points.tolist()]
        total = torch.zeros(len(points), len(self._summed), dtype=torch.float64, device=self.space.device)
        for batch in self.space.batches:
            by_onednn = self.way.network == "stacked_onednn"
            outputs = self._stack.outputs(batch, self.placement, places, flats, by_onednn)
            total += self._sums_side_by_side(outputs, batch)
        return total

    def _sums_side_by_side(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Sums of each point, (k, columns), of outputs (k, …): of all points' predictions as if they were of one batch."""
        sums = sums_of_each(self.space, self._measures, outputs, batch)
        if sums is None:
            sums = torch.stack([self._batch_sums(self.space.rows(each, batch), batch) for each in outputs])
        return sums

    def _replayed(self) -> Tensor:
        batches = self.space.batches
        if self._replay is None or self._replay[0] is not batches:
            self._replay = batches, Replay(self._total, self.space.device)
        return self._replay[1]()

    def _total(self) -> Tensor:
        """Sums over all batches at the point that the network is at."""
        space = self.space
        if self.way.network == "fused":
            self._fused[self.precision].moved()
        draws = space.problem.draws
        totals = torch.zeros(draws, len(self._summed) - (draws > 1), dtype=torch.float64, device=space.device)
        gathered = [self._whole.begin() for _ in range(draws)]
        for index, batch in enumerate(space.batches):
            self._stillness.begin(batch.number)
            draw = index * draws // len(space.batches)
            with lowered(self.precision, space.device.type):
                returned = space.returned(batch)
                outputs = space.rows(returned, batch)
            totals[draw] += self._batch_sums(outputs, batch)
            if self._gathers:
                gathered[draw].add(returned)
        sums = totals[0] if draws == 1 else torch.cat([totals.sum(0), draws * draws**-0.5 * totals[:, 0].std()[None]])
        return torch.cat([sums, self._whole.numbers(gathered).to(sums)]) if self._gathers else sums

    def _batch_sums(self, outputs: Tensor, batch: Batch) -> Tensor:
        if self.precision is not None:
            outputs = pytree.tree_map_only(Tensor, _exactly_held, outputs)
        problem = self.space.problem
        forward = Forward(problem, outputs, batch.targets, batch.law)
        if batch.beside is None:
            return torch.cat([measure.sums(forward) for measure in self._measures]).detach()
        rows, beside = self.space.stated_rows(outputs, batch), batch.beside
        stated = Forward(problem.stated, rows, beside.targets, beside.law)
        # all sums are divided by the number of the loss's predictions
        share = self._stated_share
        sums = [each.sums(forward) if each.of_loss else share * each.sums(stated) for each in self._measures]
        return torch.cat(sums).detach()

    @functools.cached_property
    def _stated_share(self) -> float:
        problem = self.space.problem
        return problem.prediction_count / problem.stated.prediction_count

    def _with_decay(self, sums: Tensor, flat: Tensor) -> Tensor:
        """Sums (…, columns) with ½ λ ‖θ‖² in every loss, θ in `flat` (…, size), where the problem has weight decay."""
        decay = self.space.problem.weight_decay
        if not decay or LOSS not in self._summed:
            return sums
        penalty = 0.5 * decay * flat.double().square().sum(-1)
        sums = sums.clone()
        sums[..., self._summed.index(LOSS)] += penalty * self._predictions
        return sums


def _exactly_held(tensor: Tensor) -> Tensor:
    return tensor.float() if tensor.is_floating_point() else tensor
