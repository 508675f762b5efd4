"""The curvature matrices of a problem as operators on rows of P numbers, P the trainable parameters and nothing else.

The engine pads every tensor to whole cache lines; here the padding is taken out, so that a dimension is a parameter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from ..checks import InputError, known
from ..problem.problem import Problem
from .gauss_newton import empirical_fisher_products, fisher_products, gauss_newton_products
from .loss_function import LossFunction

KINDS = ("hessian", "ggn", "remainder", "fisher", "empirical_fisher")


class NotFinite(InputError, ArithmeticError):
    """Products with a curvature matrix are infinite, or no numbers."""

    def __init__(
        self,
        message: str = "The curvature should be finite, but overflows at this point: "
        "choose one nearer to the trained weights, or dtype=torch.float64.",
    ) -> None:
        super().__init__(message)


class Operator(Protocol):
    """A symmetric matrix known by its products.

    size           P
    device, dtype  of the rows that it takes and gives
    """

    @property
    def size(self) -> int: ...

    @property
    def device(self) -> torch.device: ...

    @property
    def dtype(self) -> torch.dtype: ...

    def products(self, rows: Tensor) -> Tensor:
        """A v for each row v: (k, P) → (k, P)."""


@dataclass(frozen=True)
class Matrix:
    """A symmetric matrix that is at hand, (P, P), as an operator.

    >>> Matrix(torch.diag(torch.tensor([2.0, 3.0]))).products(torch.ones(1, 2))
    tensor([[2., 3.]])
    """

    values: Tensor

    @property
    def size(self) -> int:
        return len(self.values)

    @property
    def device(self) -> torch.device:
        return self.values.device

    @property
    def dtype(self) -> torch.dtype:
        return self.values.dtype

    def products(self, rows: Tensor) -> Tensor:
        return rows @ self.values


class Curvature:
    """One of five matrices at a point, as a mean over predictions, whatever the batches.

    Parameters
    ----------
    function  the loss at the point
    of        "hessian"           H = ∇²L
              "ggn"               G = (1/N) Σ J_nᵀ (∂²ℓ_n/∂z²) J_n, the generalised Gauss-Newton matrix
              "remainder"         H − G
              "fisher"            E over the model's own labels of (1/N) Σ g_n g_nᵀ; equals G for cross-entropy and Gaussian.
                                  Of the likelihood stated beside the loss, where one is
              "empirical_fisher"  (1/N) Σ g_n g_nᵀ with the data's labels, n over predicted tokens for a language model

    Raises
    ------
    InputError  an unknown matrix; "fisher" of a loss without a likelihood (raised by the first product)

    >>> from torch import nn
    >>> problem = Problem(nn.Linear(2, 1, bias=False), torch.eye(2), torch.zeros(2, 1), loss="mse")
    >>> Curvature(LossFunction(problem, device="cpu")).products(torch.tensor([[1.0, 2.0]]))  # H = 2 XᵀX / n = I
    tensor([[1., 2.]])
    """

    def __init__(self, function: LossFunction, of: str = "hessian") -> None:
        self.of = known(of, KINDS, "curvature matrix")
        self.function = function
        self._stated = function.of_likelihood() if of == "fisher" else function
        self.layout = function.layout
        places = zip(self.layout.offsets, self.layout.widths, strict=True)
        spans = [torch.arange(start, start + width) for start, width in places]
        self._kept = torch.cat(spans).to(self.device)

    @property
    def size(self) -> int:
        return len(self._kept)

    @property
    def device(self) -> torch.device:
        return self.function.point.device

    @property
    def dtype(self) -> torch.dtype:
        return self.function.point.dtype

    def padded(self, rows: Tensor) -> Tensor:
        """Rows (k, P) as flat vectors of the layout (k, layout.size), zeros in the padding."""
        full = rows.new_zeros(len(rows), self.layout.size)
        full[:, self._kept] = rows
        return full

    def compact(self, flats: Tensor) -> Tensor:
        """Flat vectors of the layout (k, layout.size) as rows (k, P), without the padding."""
        return flats[:, self._kept]

    def products(self, rows: Tensor) -> Tensor:
        """A v for each row v: (k, P) → (k, P), all over one linearisation per chunk of data."""
        return self.compact(self._products(self.padded(rows)))

    def _products(self, directions: Tensor) -> Tensor:
        if self.of == "hessian":
            return self.function.hessian_products(directions)
        if self.of == "ggn":
            return gauss_newton_products(self.function, directions)
        if self.of == "remainder":
            return self.function.hessian_products(directions) - gauss_newton_products(self.function, directions)
        if self.of == "fisher":
            self._stated.point = self.function.point
            return fisher_products(self._stated, directions)
        return empirical_fisher_products(self.function, directions)


def curvature(
    problem: Problem,
    at: Mapping[str, Tensor] | None = None,
    of: str = "hessian",
    device: str | torch.device = "auto",
    dtype: torch.dtype | str | None = None,
    batch_size: int | None = None,
) -> Curvature:
    """The operator of `problem` at a point; parameters as in `LossFunction` and `Curvature`.

    Under `batchnorm="recalibrate"` the statistics are those of all the data at the point, held fixed in derivatives, as in
    a survey.

    Raises
    ------
    InputError  an unknown matrix; parameters whose derivatives would be those of other weights
    """
    known(of, KINDS, "curvature matrix")
    return Curvature(LossFunction(problem, at, device, dtype, batch_size).calibrate(), of)
