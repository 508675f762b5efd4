"""An adapter's result: something to time, and what its numbers are said to be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from torch import Tensor


@dataclass(frozen=True)
class Walk:
    """A tool, ready to evaluate a square grid.

    run            what is timed: → losses (m, m) over (alpha, beta)
    first, second  the directions walked along: the given ones, or the tool's own
    stated         (m, m, 2) coordinates that the tool gives to its values
    visited        (m, m, 2) coordinates where it does evaluate, by its source
    """

    run: Callable[[], np.ndarray]
    first: Mapping[str, Tensor]
    second: Mapping[str, Tensor]
    stated: np.ndarray
    visited: np.ndarray


def mesh(alphas: np.ndarray, betas: np.ndarray) -> np.ndarray:
    """Coordinates of a grid, (m, n, 2)."""
    return np.stack(np.meshgrid(alphas, betas, indexing="ij"), -1)
