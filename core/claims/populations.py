"""The two populations of a contrast, as one table of numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .population import LEVELS, Arrays, Contrast, Population
from .protocol import Table


def populations(contrast: Contrast, data: str, base: int) -> tuple[Population, Population]:
    """The two populations of a contrast."""
    first, second = (Population(f"{contrast.name}-{side}", data, contrast.recipes[side], base) for side in (0, 1))
    return first, second


def joined(pair: Sequence[Arrays]) -> Table:
    """Both classes in one table, with the column `label`: −1 and +1."""
    labels = np.concatenate([np.full(len(part["seed"]), sign) for part, sign in zip(pair, (-1, 1), strict=True)])
    return {"label": labels, **{name: np.concatenate([part[name] for part in pair]) for name in pair[0]}}


def usable(table: Table) -> np.ndarray:
    """(n,) bool: which networks reached every level."""
    return np.all([np.isfinite(table[f"{arm}_loss"]) for arm in LEVELS], axis=0)
