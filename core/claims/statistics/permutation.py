"""p-values from drawn null statistics, which are never 0 (Phipson & Smyth 2010)."""

from __future__ import annotations

import numpy as np

SLACK = 1e-12  # ties of the statistic with itself, up to rounding


def p_value(found: float, null: np.ndarray) -> float:
    """(1 + b) / (1 + B): b of the B draws of the null are at least as large as what was found.

    >>> p_value(3.0, np.array([0.0, 1.0, 2.0, 3.0]))  # one draw ties
    0.4
    """
    return (1 + int((np.asarray(null) >= found - SLACK).sum())) / (1 + len(null))


def permuted_labels(labels: np.ndarray, draws: int, generator: np.random.Generator) -> np.ndarray:
    """Columns (n, draws), each a random order of `labels` (n,).

    >>> found = permuted_labels(np.array([1, 1, -1]), 4, np.random.default_rng(0))
    >>> found.shape, found.sum(0).tolist()
    ((3, 4), [1, 1, 1, 1])
    """
    return generator.permuted(np.tile(labels[:, None], (1, draws)), axis=0)
