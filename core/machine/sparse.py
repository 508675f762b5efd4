"""Sparse tensors by the dense ones that they are made of, as much of torch takes no sparse ones."""

from __future__ import annotations

import torch
from torch import Tensor


def stored(tensor: Tensor) -> tuple[Tensor, ...]:
    """The tensors of numbers that `tensor` is made of: its values first, then where they lie; itself where it is dense.

    >>> values, places = stored(torch.tensor([0.0, 2.0]).to_sparse())
    >>> values.tolist(), places.tolist()
    ([2.0], [[1]])
    """
    if tensor.layout == torch.strided:
        return (tensor,)
    if tensor.layout == torch.sparse_coo:
        return tensor._values(), tensor._indices()
    if tensor.layout in (torch.sparse_csc, torch.sparse_bsc):
        return tensor.values(), tensor.ccol_indices(), tensor.row_indices()
    if tensor.layout in (torch.sparse_csr, torch.sparse_bsr):
        return tensor.values(), tensor.crow_indices(), tensor.col_indices()
    return (tensor,)


def bytes_of(tensor: Tensor) -> int:
    """Bytes of all of them."""
    return sum(part.nbytes for part in stored(tensor))


def equal(one: Tensor, other: Tensor) -> bool:
    """Whether two tensors of one layout hold the same numbers at the same places."""
    pairs = zip(stored(one), stored(other), strict=True)
    return one.shape == other.shape and all(torch.equal(a, b.to(a)) for a, b in pairs)
