"""The null that holds everything about V: labels drawn anew from p(M | V) (Candès, Fan, Janson & Lv 2018, of labels)."""

from __future__ import annotations

import numpy as np


def conditional_draws(probabilities: np.ndarray, draws: int, generator: np.random.Generator) -> np.ndarray:
    """±1 labels (n, draws), each network's +1 with its own probability (n,), independent of all else.

    >>> found = conditional_draws(np.array([0.0, 1.0]), 3, np.random.default_rng(0))
    >>> found.tolist()
    [[-1, -1, -1], [1, 1, 1]]
    """
    return np.where(generator.random((len(probabilities), draws)) < probabilities[:, None], 1, -1)
