"""Scores turned into probabilities (Platt 1999), each network's from a curve fitted to the others, and what they are worth in bits."""

from __future__ import annotations

import numpy as np
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold

PARTS = 10
FLOOR = 1e-3  # no probability below it: one network cannot cost more than ten bits


def calibrated(scores: np.ndarray, labels: np.ndarray, seed: int = 0) -> np.ndarray:
    """p(label = +1) of each network (n,) from out-of-fold scores (n,) and ±1 labels, logistic, fitted to the other nine tenths.

    >>> scores = np.linspace(-1, 1, 40)
    >>> found = calibrated(scores, np.where(scores > 0, 1, -1))
    >>> bool(found[0] < 0.1 and found[-1] > 0.9)
    True
    """
    found = np.empty(len(scores))
    parts = KFold(min(PARTS, len(scores)), shuffle=True, random_state=seed)
    for train, test in parts.split(scores):
        if len(np.unique(labels[train])) < 2:
            found[test] = (labels[train] > 0).mean()
            continue
        spread = max(float(scores[train].std()), 1e-12)
        fitted = LogisticRegression().fit(scores[train, None] / spread, labels[train])
        found[test] = expit(fitted.decision_function(scores[test, None] / spread))
    return np.clip(found, FLOOR, 1 - FLOOR)


def bits_gained(before: np.ndarray, after: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """log₂ of what `after` gives each network's own label over what `before` gives it, (n,): its mean bounds I(M; X | V) from below.

    >>> bits_gained(np.array([0.5, 0.5]), np.array([1.0, 0.25]), np.array([1, -1])).round(3).tolist()
    [1.0, 0.585]
    """
    own = [np.where(labels > 0, p, 1 - p) for p in (before, after)]
    return np.asarray(np.log2(own[1]) - np.log2(own[0]))
