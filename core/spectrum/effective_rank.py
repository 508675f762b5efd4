"""The effective rank (tr F)² / tr F² of a Fisher matrix, from the products of a sample of its examples with one another."""

from __future__ import annotations

import math

from torch import Tensor

from .jackknife import jackknife_error


def effective_rank(traces: Tensor, products: Tensor) -> tuple[float, float]:
    """(tr F)² / tr F² and its jackknife error, from tr F_i (m,) and tr F_i F_j (m, m) of m examples; NaN of fewer than three.

    Σ_{i≠j} tr F_i tr F_j / Σ_{i≠j} tr F_i F_j: without an example's product with itself both sums are without bias those of all
    examples that might have been drawn. With it the ratio grows with m.

    >>> import torch
    >>> directions = torch.eye(2).double()[[0, 1, 0]]
    >>> effective_rank(torch.ones(3).double(), (directions @ directions.T).square())[0]  # of six pairs two agree
    3.0
    """
    if len(traces) < 3:
        return math.nan, math.nan
    diagonal = products.diagonal()
    first, second = traces.sum().square() - traces.square().sum(), products.sum() - diagonal.sum()
    less_first = first - 2 * traces * (traces.sum() - traces)
    less_second = second - 2 * (products.sum(1) - diagonal)
    # of examples that have nothing in common there is no rank to be told: more of them would have to be seen
    return (float(first / second) if second > 0 else math.nan), jackknife_error(less_first / less_second)


def rank_of_all(products: Tensor, population: int) -> tuple[float, float]:
    """(tr F)² / tr F² of the empirical Fisher of all N examples, from g_i · g_j (m, m) of m of them, and its jackknife error.

    Both are sums over pairs of the N; a pair of different examples and one of an example with itself are estimated apart, each
    from the pairs of its kind among the m, so that neither sum depends on m but by chance. Of all N it is the number itself.

    >>> import torch
    >>> rank_of_all(torch.eye(3).double(), 3)[0]  # three directions
    3.0
    >>> round(rank_of_all(torch.eye(2).double(), 100)[0], 9)  # nothing says that any of the hundred agree
    100.0
    """
    diagonal, squares, count = products.diagonal().square(), products.square(), len(products)
    if count < 2:
        return (1.0, math.nan) if population == 1 and bool(diagonal > 0) else (math.nan, math.nan)
    lengths = products.diagonal()
    pairs = lengths.sum().square() - diagonal.sum(), squares.sum() - diagonal.sum()
    first, second = (_of_all(diagonal.sum(), each, count, population) for each in pairs)
    if count < 3:
        return float(first / second), math.nan
    left = diagonal.sum() - diagonal
    pairs_left = (lengths.sum() - lengths).square() - left, pairs[1] - 2 * (squares.sum(1) - diagonal)
    without = [_of_all(left, each, count - 1, population) for each in pairs_left]
    return float(first / second), jackknife_error(without[0] / without[1])


def _of_all(squares: Tensor, pairs: Tensor, count: int, population: int) -> Tensor:
    """The mean over all pairs of the population, from sums over a sample: of examples with themselves, and of others."""
    return squares / (count * population) + (1 - 1 / population) * pairs / (count * (count - 1))
