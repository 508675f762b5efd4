"""95 % percentile intervals over networks (Efron & Tibshirani 1993): the network is what was drawn, so it is what is redrawn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

RESAMPLES = 2_000
ENDS = (2.5, 97.5)


@dataclass(frozen=True)
class Interval:
    """A value with the ends of its 95 % interval."""

    value: float
    low: float
    high: float

    def as_list(self) -> list[float]:
        """[value, low, high], for JSON."""
        return [self.value, self.low, self.high]


def resamples(count: int, seed: int, draws: int = RESAMPLES) -> np.ndarray:
    """(draws, count) indices of networks, with replacement; the same for the same seed.

    >>> resamples(3, 0, 2).shape
    (2, 3)
    """
    return np.random.default_rng(seed).integers(0, count, (draws, count))


def bootstrap_interval(
    statistic: Callable[..., np.ndarray], *samples: np.ndarray, seed: int, draws: int = RESAMPLES
) -> Interval:
    """A statistic of samples (n, …) that belong together by network, with its 95 % interval.

    statistic  of arrays (…, n), along their last axis; the samples are handed over redrawn together

    >>> found = bootstrap_interval(lambda x: x.mean(-1), np.arange(101.0), seed=0)
    >>> found.value, abs(found.high - found.low - 2 * 1.96 * 29.15 / 101**0.5) < 1  # the normal interval of a mean
    (50.0, True)
    """
    taken = resamples(len(samples[0]), seed, draws)
    value = float(statistic(*samples))
    drawn = np.asarray(statistic(*(sample[taken] for sample in samples)), dtype=float)
    low, high = np.percentile(drawn[np.isfinite(drawn)], ENDS)
    return Interval(value, float(low), float(high))
