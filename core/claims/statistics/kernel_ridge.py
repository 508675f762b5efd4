"""Kernel ridge regression on ±1 labels; kernel and ridge chosen inside each training fold by closed-form leave-one-out.

With the intercept unpenalised the fit is a linear smoother S y, and what the model says of an example that it has not seen is
y − (y − S y) / (1 − S_ii) exactly (Allen 1974; Golub, Heath & Wahba 1979). Kernels do not depend on labels, so that any number
of labels, permuted or drawn, goes through one eigendecomposition: the whole selection is repeated for each of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh

RIDGES = (1e-3, 1e-2, 1e-1, 1.0, 10.0)  # of a kernel whose mean diagonal is 1
Folds = Sequence[tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Candidate:
    """One kernel on one training fold, centred there.

    values, vectors  of the centred kernel among the training networks
    crossed          kernel of the test networks with them, centred alike, (t, n)
    """

    values: np.ndarray
    vectors: np.ndarray
    crossed: np.ndarray

    @classmethod
    def of(cls, kernel: np.ndarray, train: np.ndarray, test: np.ndarray) -> Candidate:
        """Centred by the training networks' mean alone."""
        inner, outer = kernel[np.ix_(train, train)], kernel[np.ix_(test, train)]
        means, whole = inner.mean(0), inner.mean()
        values, vectors = eigh(inner - means - means[:, None] + whole, driver="evd", check_finite=False)
        return cls(np.maximum(values, 0.0), vectors, outer - means - outer.mean(1)[:, None] + whole)

    def left_out(self, rotated: np.ndarray, labels: np.ndarray, ridge: float) -> np.ndarray:
        """Mean squared leave-one-out error of each column of labels (n, c); rotated = vectorsᵀ (labels − their mean)."""
        shares = self.values / (self.values + ridge)
        fitted = labels.mean(0) + self.vectors @ (shares[:, None] * rotated)
        own = 1 / len(labels) + np.square(self.vectors) @ shares
        return np.asarray(np.square((labels - fitted) / (1 - own)[:, None]).mean(0))

    def scores(self, rotated: np.ndarray, means: np.ndarray, ridge: float) -> np.ndarray:
        """The learner's scores of the test networks, (t, c)."""
        return np.asarray(means + self.crossed @ (self.vectors @ (rotated / (self.values + ridge)[:, None])))


def out_of_fold(kernels: Sequence[np.ndarray], labels: np.ndarray, folds: Folds) -> np.ndarray:
    """Scores (r, n, c) of ±1 labels (n, c), each network's from models that never saw it; r = repeats that the folds hold.

    kernels  candidates (n, n); the best by leave-one-out is chosen anew in every training fold for every column
    folds    (train, test) pairs; the tests of each repeat together are all networks

    >>> x = np.linspace(-1, 1, 20)[:, None]
    >>> order = np.arange(20)
    >>> folds = [(order[order % 2 != k], order[order % 2 == k]) for k in (0, 1)]
    >>> scores = out_of_fold([x @ x.T * 3], np.sign(x), folds)
    >>> bool((np.sign(scores[0]) == np.sign(x)).all())
    True
    """
    count = len(labels)
    repeats = sum(len(test) for _, test in folds) // count
    found = np.empty((repeats, count, labels.shape[1]))
    seen = np.zeros(count, dtype=int)
    for train, test in folds:
        found[seen[test], test] = _fold(kernels, labels[train].astype(float), train, test)
        seen[test] += 1
    return found


def _fold(kernels: Sequence[np.ndarray], labels: np.ndarray, train: np.ndarray, test: np.ndarray) -> np.ndarray:
    means = labels.mean(0)
    best = np.full(labels.shape[1], np.inf)
    found = np.empty((len(test), labels.shape[1]))
    for kernel in kernels:
        candidate = Candidate.of(kernel, train, test)
        rotated = candidate.vectors.T @ (labels - means)
        for ridge in RIDGES:
            errors = candidate.left_out(rotated, labels, ridge)
            better = errors < best
            if better.any():
                found[:, better] = candidate.scores(rotated[:, better], means[better], ridge)
                best[better] = errors[better]
    return found
