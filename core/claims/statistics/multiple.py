"""Several tests of one claim: Holm's step-down correction (Holm 1979), which needs no independence."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def holm(p: Sequence[float]) -> np.ndarray:
    """Corrected p-values in the order given: the k-th smallest of m times (m − k + 1), never falling, at most 1.

    >>> holm([0.01, 0.04, 0.03]).round(3).tolist()  # 3 · 0.01; 2 · 0.03; 1 · 0.04, which may not be below 0.06
    [0.03, 0.06, 0.06]
    """
    given = np.asarray(p, dtype=float)
    order = np.argsort(given, kind="stable")
    stepped = given[order] * np.arange(len(given), 0, -1)
    found = np.empty_like(given)
    found[order] = np.minimum(np.maximum.accumulate(stepped), 1.0)
    return found
