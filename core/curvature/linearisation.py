"""The loss at one point, linearised chunk by chunk of the data, for as many products as are asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ..checks import InputError, first_line
from ..network.batching import CURVATURE_GRAPH_BYTES
from .chunks import GraphChunk, LinearisedChunk, RuledChunk
from .rules import NotUnderstood

if TYPE_CHECKING:
    from .loss_function import LossFunction


class Linearisation:
    """The loss linearised at `function.point`, which products with the curvature are taken from.

    The chunks are kept from product to product where all of them take no more than CURVATURE_GRAPH_BYTES, and are made anew
    for each call where not. So it is valid only as long as the point and the network's buffers stay as they are.
    """

    def __init__(self, function: LossFunction) -> None:
        self._function, self._kept = function, dict[int, LinearisedChunk]()
        each = function.activation_bytes * function.problem.draws
        self._keeps = 4 * each * function.problem.example_count <= CURVATURE_GRAPH_BYTES
        self._most_rows = max(1, CURVATURE_GRAPH_BYTES // (2 * each * function.workspace.batch_size))

    @torch.enable_grad()  # also where the caller has switched gradients off
    def products(self, directions: Tensor, of: str = "hessian") -> Tensor:
        """A v for each row v of `directions` (k, P padded), a mean over predictions; weight decay adds λ v, but not to Fishers'.

        of  "hessian" | "ggn" | "fisher" | "empirical_fisher"

        Where the rules raise, automatic differentiation takes over, from here on: `LossFunction.fallback` says so.
        """
        try:
            return self._products(directions, of)
        except (InputError, torch.OutOfMemoryError):  # which the other way would raise too
            raise
        except Exception as error:
            if self._function.program is None:
                raise
            program, why = self._function.program, first_line(error)
        self._function.program = None
        self._kept.clear()
        try:
            products = self._products(directions, of)
        except Exception:
            self._function.program = program  # it was not at fault
            self._kept.clear()
            raise
        self._function.fallback = (
            f"Curvature is found by automatic differentiation, as the rules of the network's operations failed here ({why}); "
            "the numbers are the same to rounding."
        )
        return products

    def _products(self, directions: Tensor, of: str) -> Tensor:
        total = torch.zeros_like(directions, dtype=torch.float64)
        for index in range(len(self._function.workspace.batches)):
            chunk = self._chunk(index)
            for into, rows in zip(total.split(self._most_rows), directions.split(self._most_rows), strict=True):
                into += chunk.products(rows, of)
        found = (total / self._function.workspace.prediction_count).to(directions)
        decay = self._function.problem.weight_decay
        return found + decay * directions if decay and of in ("hessian", "ggn") else found

    def _chunk(self, index: int) -> LinearisedChunk:
        if index in self._kept:
            return self._kept[index]
        batch = self._function.workspace.batches[index]
        try:
            chunk: LinearisedChunk = RuledChunk(self._function, batch)
        except NotUnderstood:
            self._function.program = None
            chunk = GraphChunk(self._function, batch)
        if self._keeps:
            self._kept[index] = chunk
        return chunk
