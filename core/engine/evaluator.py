"""Evaluates points of a plane: place θ(α, β) in the flat buffer, run the data through, sum what is asked for.

One pass over the data per point, nothing read back until a whole tile is done. Memory is the model, the data,
three flat vectors and one batch's activations, whatever the size of the grid.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ..checks import InputError, matching
from ..plane import Plane
from ..problem import Problem
from ..properties.protocol import Forward, Measure
from .batching import forward_batch_size, needs_whole_data
from .placement import Placement
from .recalibration import recalibrate
from .stillness import Stillness
from .workspace import Workspace


class Evaluator:
    """Means over predictions at points of a plane.

    Parameters
    ----------
    problem, plane   what, and where
    measures         what to sum in the forward passes; the same columns asked for twice are measured once
    device, dtype    where and in which precision
    batch_size       examples per pass; None: by the rule of `forward_batch_size`

    Attributes
    ----------
    columns          the names of what `evaluate` returns, in its order
    """

    def __init__(
        self,
        problem: Problem,
        plane: Plane,
        measures: Sequence[Measure],
        device: torch.device,
        dtype: torch.dtype | None = None,
        batch_size: int | None = None,
    ) -> None:
        matching(plane.origin, problem.parameters, "The plane")
        self.measures = list({measure.columns: measure for measure in measures}.values())
        self.columns = tuple(column for measure in self.measures for column in measure.columns)
        size = batch_size if batch_size is not None else forward_batch_size(problem, device)
        self.workspace = Workspace(problem, device, dtype, size)
        layout, kind = self.workspace.layout, self.workspace.dtype
        self._stillness = Stillness(self.workspace.model)
        self._placement = Placement(plane, layout, device, kind)

    def evaluate(self, points: np.ndarray) -> np.ndarray:
        """The columns at `points` (m, 2), as (m, columns) float64; NaN and infinities as they come.

        Raises
        ------
        InputError  not even one example fits into the device's memory
        """
        rows = torch.empty(len(points), len(self.columns), dtype=torch.float64, device=self.workspace.device)
        with torch.inference_mode():
            for row, (alpha, beta) in enumerate(points.tolist()):
                self._placement.place(alpha, beta, self.workspace.flat)
                rows[row] = self._stillness.run(self._sums_with_room)
            result: np.ndarray = (rows / self.workspace.problem.prediction_count).cpu().numpy()
        return result

    def _sums_with_room(self) -> Tensor:
        """One point's sums, the batch halved until it fits into memory."""
        while True:
            try:
                return self._sums()
            except torch.OutOfMemoryError as error:
                smaller = self.workspace.batch_size // 2
                if needs_whole_data(self.workspace.problem):
                    raise InputError(
                        "The data set does not fit into the GPU's memory at once, as BatchNorm's statistics over all "
                        "of it need: use --device cpu, or fewer examples."
                    ) from error
                if smaller == 0:
                    raise InputError(
                        "Not even one example fits into the GPU's memory: use --device cpu, or float32 in place of float64."
                    ) from error
            torch.cuda.empty_cache()
            self.workspace.rebatch(smaller)

    def _sums(self) -> Tensor:
        space = self.workspace
        if space.problem.batchnorm == "recalibrate":
            recalibrate(space)
        total = torch.zeros(len(self.columns), dtype=torch.float64, device=space.device)
        for batch in space.batches:
            forward = Forward(space.problem, space.outputs(batch), batch.targets, batch.law)
            total += torch.cat([measure.sums(forward) for measure in self.measures])
        return total
