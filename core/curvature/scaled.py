"""A curvature matrix in other coordinates: T A T for a diagonal T."""

from __future__ import annotations

import torch
from torch import Tensor

from ..parameters.layout import Layout
from .operators import Curvature


class Scaled:
    """T A T of a curvature matrix A, as an operator.

    Parameters
    ----------
    matrix  A
    scale   (P,) the diagonal of T: a coordinate's unit in parameter units
    """

    def __init__(self, matrix: Curvature, scale: Tensor) -> None:
        self.matrix, self.scale = matrix, scale

    @property
    def layout(self) -> Layout:
        return self.matrix.layout

    @property
    def size(self) -> int:
        return self.matrix.size

    @property
    def device(self) -> torch.device:
        return self.matrix.device

    @property
    def dtype(self) -> torch.dtype:
        return self.matrix.dtype

    def padded(self, rows: Tensor) -> Tensor:
        """As `Curvature.padded`."""
        return self.matrix.padded(rows)

    def compact(self, flats: Tensor) -> Tensor:
        """As `Curvature.compact`."""
        return self.matrix.compact(flats)

    def products(self, rows: Tensor) -> Tensor:
        """T A T v for each row v: (k, P) → (k, P)."""
        return self.matrix.products(rows * self.scale) * self.scale
