"""The whole matrix from batched products, for small P: the reference that every estimate is tested against."""

from __future__ import annotations

import torch
from torch import Tensor

from .operators import NotFinite, Operator

ROWS_AT_ONCE = 128


def dense_matrix(operator: Operator) -> Tensor:
    """The matrix (P, P) in float64, made exactly symmetric, on the operator's device.

    Raises
    ------
    NotFinite  a product that is not finite

    >>> from .operators import Matrix
    >>> dense_matrix(Matrix(torch.tensor([[2.0, 1.0], [1.0, 3.0]])))
    tensor([[2., 1.],
            [1., 3.]], dtype=torch.float64)
    """
    matrix = torch.empty(operator.size, operator.size, device=operator.device, dtype=torch.float64)
    for start in range(0, operator.size, ROWS_AT_ONCE):
        count = min(ROWS_AT_ONCE, operator.size - start)
        units = torch.zeros(count, operator.size, device=operator.device, dtype=operator.dtype)
        units[torch.arange(count), start + torch.arange(count)] = 1.0
        matrix[start : start + count] = operator.products(units)
    if not bool(torch.isfinite(matrix).all()):
        raise NotFinite
    return (matrix + matrix.T) / 2
