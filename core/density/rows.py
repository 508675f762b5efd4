"""The examples as points of a space: inputs laid flat, or what a module makes of them."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ..checks import InputError
from ..problem.problem import Problem

MOST_BYTES = 2 * 2**30  # of float64 rows


def input_rows(problem: Problem) -> np.ndarray:
    """The inputs as points of a space, (n, d) float64, one row per example.

    Real inputs are laid flat, several tensors side by side. Integer inputs are tokens: each place becomes one
    coordinate per token that occurs in the data, 1 where that token stands, so that the squared distance of two
    examples is twice the number of places in which they differ (their Hamming distance).

    Raises
    ------
    InputError  more numbers than fit into MOST_BYTES

    >>> from torch import nn
    >>> tokens = torch.tensor([[5, 5, 7], [5, 7, 5]])
    >>> rows = input_rows(Problem(nn.Embedding(8, 8), tokens, tokens))
    >>> rows.shape, float(np.square(rows[0] - rows[1]).sum())
    ((2, 6), 4.0)
    """
    pieces = [_recoded(tensor) for tensor in problem.inputs]
    width = sum(tensor[0].numel() * (tokens or 1) for tensor, tokens in pieces)
    if 8 * width * problem.example_count > MOST_BYTES:
        raise InputError(
            f"The inputs of '{problem.name}' as points take {problem.example_count:,} × {width:,} numbers, more than "
            f"{MOST_BYTES / 2**30:.0f} GiB: choose a layer's activations instead, or give fewer examples."
        )
    return np.concatenate([_flat(tensor, tokens) for tensor, tokens in pieces], axis=1)


def flat_rows(tensor: Tensor) -> np.ndarray:
    """Real or complex numbers as rows, (n, d) float64."""
    real = torch.view_as_real(tensor.resolve_conj()) if tensor.is_complex() else tensor
    return real.detach().cpu().reshape(len(real), -1).double().numpy()


def _recoded(tensor: Tensor) -> tuple[Tensor, int]:
    """Tokens numbered from 0 without gaps, and how many there are; real numbers as they are, and 0."""
    if tensor.is_floating_point() or tensor.is_complex() or tensor.dtype == torch.bool:
        return tensor, 0
    different, numbered = tensor.unique(return_inverse=True)
    return numbered, len(different)


def _flat(tensor: Tensor, tokens: int) -> np.ndarray:
    if not tokens:
        return flat_rows(tensor)
    places = tensor.reshape(len(tensor), -1).cpu().numpy()
    rows = np.zeros((*places.shape, tokens))
    np.put_along_axis(rows, places[..., None], 1.0, axis=2)
    return rows.reshape(len(rows), -1)
