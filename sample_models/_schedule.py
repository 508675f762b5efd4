"""When to keep a checkpoint: often at first, where a network moves fast, then at growing gaps."""

import numpy as np


def dense_early(total: int, count: int) -> tuple[int, ...]:
    """Optimiser steps 0 … total, geometrically spaced and rounded.

    Parameters
    ----------
    total  last optimiser step, at least ``count - 1``.
    count  number of steps wanted, the first (0) and the last (``total``) included.

    Returns
    -------
    ``count`` distinct steps in rising order.

    >>> dense_early(100, 8)
    (0, 1, 2, 5, 10, 22, 46, 100)
    """
    if total < count - 1:
        raise ValueError(f"{count} distinct steps do not fit into 0 … {total}; ask for at most {total + 1}")
    # Rounding merges the first points of a geometric sequence, so draw more until enough are distinct.
    for drawn in range(count - 1, 100 * count):
        steps = np.unique(np.geomspace(1, total, drawn).round().astype(int))
        if len(steps) >= count - 1:
            return (0, *steps[: count - 2].tolist(), total)
    return (*range(count - 1), total)
