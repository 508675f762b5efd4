"""Can a label be told from features, and from features beside the spectrum? The tests that claim 2 is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.model_selection import RepeatedStratifiedKFold

from .statistics import (
    Interval,
    bits_gained,
    bootstrap_interval,
    calibrated,
    conditional_draws,
    kernels_of,
    out_of_fold,
    p_value,
    permuted_labels,
    sums_of,
)

FOLDS, REPEATS = 10, 2
Kernels = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Gain:
    """The gain in accuracy and in bits by X beside V.

    accuracy   of V + X
    gain       accuracy(V + X) − accuracy(V)
    over       accuracy(V + X) − max(accuracy(V), ½)
    bits       mean log₂ score gained, a lower bound of I(M; X | V)
    p          of the gain, under labels drawn from p(M | V)
    """

    accuracy: Interval
    gain: Interval
    over: Interval
    bits: Interval
    p: float


class Test:
    """One label of n networks, ±1 (n,), put to V and to other features.

    spectrum  V's kernels
    draws     B
    """

    __test__ = False  # no test of pytest's

    def __init__(self, labels: np.ndarray, spectrum: Kernels, draws: int, seed: int) -> None:
        self.labels, self.spectrum, self.draws, self.seed = labels, spectrum, draws, seed
        self.folds = folds_of(labels, seed)
        self.generator = np.random.default_rng([seed, 1])
        self.permuted = np.column_stack([labels, permuted_labels(labels, draws, self.generator)])
        self.score, self.correct, self.p = self._alone(list(spectrum.values()))
        self.chance = calibrated(self.score, labels, seed)
        self.drawn = np.column_stack([labels, conditional_draws(self.chance, draws, self.generator)])
        self.drawn_right = self._right(list(spectrum.values()), self.drawn)[1]

    def alone(self, kernels: Kernels) -> tuple[Interval, float]:
        """Accuracy of features by themselves with its interval, and its p under permuted labels."""
        _, correct, p = self._alone(list(kernels.values()))
        return self._interval(correct), p

    def accuracy(self) -> Interval:
        """Of V."""
        return self._interval(self.correct)

    def beside(self, kernels: Kernels) -> Gain:
        """The gain by features beside V."""
        scores, right = self._right(sums_of(self.spectrum, kernels), self.drawn)
        gains = right.mean(0) - self.drawn_right.mean(0)
        after = calibrated(scores, self.labels, self.seed)
        pair = (self.correct, right[:, 0])
        return Gain(
            accuracy=self._interval(pair[1]),
            gain=bootstrap_interval(lambda v, vx: vx.mean(-1) - v.mean(-1), *pair, seed=self.seed),
            over=bootstrap_interval(lambda v, vx: vx.mean(-1) - np.maximum(v.mean(-1), 0.5), *pair, seed=self.seed),
            bits=self._interval(bits_gained(self.chance, after, self.labels)),
            p=p_value(gains[0], gains[1:]),
        )

    def _alone(self, kernels: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray, float]:
        scores, right = self._right(kernels, self.permuted)
        accuracy = right.mean(0)
        return scores, right[:, 0], p_value(accuracy[0], accuracy[1:])

    def _right(self, kernels: Sequence[np.ndarray], columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean score of each network for the first column (n,), and how often it is right, for every column (n, c)."""
        found = out_of_fold(kernels, columns, self.folds)
        return found[:, :, 0].mean(0), ((found > 0) == (columns > 0)).mean(0)

    def _interval(self, values: np.ndarray) -> Interval:
        return bootstrap_interval(lambda x: x.mean(-1), values, seed=self.seed)


def folds_of(labels: np.ndarray, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Ten folds twice, stratified; as many as the smaller class has networks, where that is fewer than ten."""
    parts = max(2, min(FOLDS, int((labels > 0).sum()), int((labels < 0).sum())))
    made = RepeatedStratifiedKFold(n_splits=parts, n_repeats=REPEATS, random_state=seed)
    return list(made.split(labels[:, None], labels))


def spectrum_kernels(whole: np.ndarray, largest: np.ndarray) -> dict[str, np.ndarray]:
    """V's four kernels: of the whole spectrum, and of its largest eigenvalues alone."""
    top = {f"{name}:largest": kernel for name, kernel in kernels_of(largest).items()}
    return {**kernels_of(whole), **top}


def labels_of_spectrum(features: np.ndarray, generator: np.random.Generator, flipped: float = 0.1) -> np.ndarray:
    """±1 by a random direction among V's first ten principal components, a tenth turned: functions of V alone, and chance."""
    values = principal(features)[:, :10] @ generator.normal(size=min(10, *features.shape))
    labels = np.where(values > np.median(values), 1, -1)
    return np.where(generator.random(len(labels)) < flipped, -labels, labels)


def planted(features: np.ndarray, accuracy: float, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Random labels, and features moved by them so far that the best possible rule is right with that probability.

    Along a random direction of the ten leading principal components, each scaled to variance 1.
    """
    from scipy.stats import norm

    labels = generator.permutation(np.where(np.arange(len(features)) % 2, 1, -1))
    rows = principal(features)
    rows /= rows.std(0)
    direction = generator.normal(size=min(10, rows.shape[1]))
    rows[:, : len(direction)] += labels[:, None] * norm.ppf(accuracy) * direction / np.linalg.norm(direction)
    return labels, rows


def principal(features: np.ndarray) -> np.ndarray:
    """Scores of the standardised features on their principal components that are not nothing, largest first."""
    spread = features.std(0)
    rows = (features - features.mean(0))[:, spread > 1e-12] / spread[spread > 1e-12]
    left, sizes, _ = np.linalg.svd(rows, full_matrices=False)
    kept = sizes > 1e-8 * sizes[0]
    return np.asarray(left[:, kept] * sizes[kept])
