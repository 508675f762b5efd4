"""Claim `memory`'s test, by pairs: folds hold one network of each side for each other, and labels change places within pairs.

Folds that are stratified by the labels themselves favour these: permuted ones are not balanced in them, and a learner that has nothing
to go by says what is commoner among the training networks, which is then rarer among the others. Of 48 networks with labels that
mean nothing one in ten then had p ≤ 0.05. Pairs are drawn without looking at anything but the labels, every exchange within them
leaves every fold balanced, and under the null each is as likely as the labels that are there: p is exact.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
from sklearn.model_selection import RepeatedKFold

from ..statistics import calibrated, conditional_draws
from ..told_apart import FOLDS, REPEATS, Kernels, Test


class PairedTest(Test):
    """The same learner, conditional null and intervals; as many networks of one side as of the other.

    >>> sides = np.repeat([1, -1], 12)
    >>> features = {"linear": np.outer(sides, sides).astype(float)}
    >>> PairedTest(sides, features, 99, 0).p
    0.01
    """

    def __init__(self, labels: np.ndarray, spectrum: Kernels, draws: int, seed: int) -> None:
        self.labels, self.spectrum, self.draws, self.seed = labels, spectrum, draws, seed
        self.generator = np.random.default_rng([seed, 1])
        pairs = pairs_of(labels, self.generator)
        self.folds = folds_of_pairs(pairs, seed)
        self.permuted = np.column_stack([labels, exchanged_labels(labels, pairs, draws, self.generator)])
        self.score, self.correct, self.p = self._alone(list(spectrum.values()))
        self.chance = calibrated(self.score, labels, seed)
        self.drawn = np.column_stack([labels, conditional_draws(self.chance, draws, self.generator)])

    @cached_property
    def drawn_right(self) -> np.ndarray:  # type: ignore[override]  # what no one asks for is not computed
        """How often V is right of the drawn labels, (n, B + 1)."""
        return self._right(list(self.spectrum.values()), self.drawn)[1]


def pairs_of(labels: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """(n/2, 2) places: one of each side, at random.

    >>> labels = np.array([1, 1, -1, -1])
    >>> labels[pairs_of(labels, np.random.default_rng(0))].tolist()
    [[1, -1], [1, -1]]
    """
    return np.stack([generator.permutation(np.flatnonzero(labels == side)) for side in (1, -1)], 1)


def folds_of_pairs(pairs: np.ndarray, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Ten folds twice, of whole pairs."""
    made = RepeatedKFold(n_splits=min(FOLDS, len(pairs)), n_repeats=REPEATS, random_state=seed)
    return [(pairs[train].ravel(), pairs[test].ravel()) for train, test in made.split(pairs)]


def exchanged_labels(labels: np.ndarray, pairs: np.ndarray, draws: int, generator: np.random.Generator) -> np.ndarray:
    """Columns (n, draws): each pair's labels as they are or exchanged, by a fair coin."""
    coins = generator.choice([-1, 1], (len(pairs), draws))
    exchanged = np.empty((len(labels), draws), dtype=labels.dtype)
    for side in (0, 1):
        exchanged[pairs[:, side]] = coins * labels[pairs[:, side], None]
    return exchanged
