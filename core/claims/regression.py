"""How well some readouts foretell another across networks: out-of-fold predictions by several models, on rank-normal scores."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.stats import norm, rankdata
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

FOLDS = 5
ALPHAS = (1e-2, 1e-1, 1.0, 10.0, 100.0)
QUADRATIC = "ridge on quadratic features"  # primary


def _quadratic() -> Any:
    return make_pipeline(PolynomialFeatures(2, include_bias=False), StandardScaler(), RidgeCV(ALPHAS))


def _process() -> Any:
    kernel = ConstantKernel(1.0) * RBF(2.0) + WhiteKernel(0.3)
    return GaussianProcessRegressor(kernel, n_restarts_optimizer=2, normalize_y=True, random_state=0)


MODELS: dict[str, Callable[[], Any]] = {
    "ridge": lambda: RidgeCV(ALPHAS),
    QUADRATIC: _quadratic,
    "Gaussian process": _process,
    "extra trees": lambda: ExtraTreesRegressor(200, min_samples_leaf=3, random_state=0),
}


def rank_normal(values: np.ndarray) -> np.ndarray:
    """Normal scores of the ranks of each column (n, k), ties sharing theirs: neither unit nor tail decides.

    >>> rank_normal(np.array([[1.0], [1000.0], [2.0]])).round(3).ravel().tolist()
    [-0.967, 0.967, 0.0]
    """
    return np.asarray(norm.ppf((rankdata(values, axis=0) - 0.5) / len(values)))


def foretold(known: np.ndarray, target: np.ndarray, model: str = QUADRATIC) -> np.ndarray:
    """Out-of-fold predictions (n,) of a target from columns (n, k)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a bound that was reached is no fault of the prediction
        return np.asarray(
            cross_val_predict(MODELS[model](), known, target, cv=KFold(FOLDS, shuffle=True, random_state=0))
        )


def share_explained(target: np.ndarray, found: np.ndarray) -> np.ndarray:
    """R² along the last axis; below 0 where the mean would have been better."""
    rest = np.square(target - found).sum(-1)
    return np.asarray(1 - rest / np.square(target - target.mean(-1, keepdims=True)).sum(-1))


def parallel_analysis(scores: np.ndarray, draws: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues of the correlations of columns (n, k), largest first, and the 95 % point of those of shuffled columns (Horn 1965).

    >>> found, chance = parallel_analysis(np.random.default_rng(0).normal(size=(500, 3)) @ np.ones((3, 3)), 99)
    >>> bool(found[0] > chance[0]), bool(found[1] < chance[1])
    (True, True)
    """
    generator = np.random.default_rng(seed)
    drawn = [_eigenvalues(generator.permuted(scores, axis=0)) for _ in range(draws)]
    return _eigenvalues(scores), np.quantile(drawn, 0.95, axis=0)


def _eigenvalues(scores: np.ndarray) -> np.ndarray:
    return np.linalg.eigvalsh(np.corrcoef(scores, rowvar=False))[::-1]
