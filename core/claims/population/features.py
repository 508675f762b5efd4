"""The features of a network: its spectrum V, its weights W whatever the order of its hidden units, its function F, its path T."""

from __future__ import annotations

import numpy as np
import torch
from scipy.stats import kurtosis
from torch import Tensor

from .data import Data
from .network import Shape, outputs

RESOLUTION = 1e-4  # of eigenvalues, on an arcsinh scale
LARGEST = 30
LOWEST = -12.0  # log-probability
QUANTILES = (0.02, 0.1, 0.25, 0.4, 0.5, 0.6, 0.75, 0.9, 0.98)


def spectrum_features(spectrum: np.ndarray) -> np.ndarray:
    """V (n, P + 6) of ascending eigenvalues (n, P): arcsinh(λ/1e-4) of all, then ln tr, ln λ_max, ln ‖H‖², ln −λ_min, flat share, index."""
    top, bottom, tiny = spectrum[:, -1], spectrum[:, 0], 1e-12
    scalars = [
        np.log(np.maximum(spectrum.sum(1), tiny)),
        np.log(np.maximum(top, tiny)),
        np.log(np.square(spectrum).sum(1)),
        np.log(np.maximum(-bottom, tiny)),
        (np.abs(spectrum) <= 0.01 * np.abs(top)[:, None]).mean(1),
        (spectrum < 0).mean(1),
    ]
    return np.concatenate([np.arcsinh(spectrum / RESOLUTION), np.stack(scalars, 1)], 1)


def largest_features(spectrum: np.ndarray) -> np.ndarray:
    """The 30 largest eigenvalues alone, on the same scale: the bulk cannot hide them."""
    return np.arcsinh(spectrum[:, -LARGEST:] / RESOLUTION)


def weight_features(shape: Shape, theta: np.ndarray, by_class: bool = True) -> np.ndarray:
    """W (n, 148) of weights (n, P): the same for every order of the hidden units and, as tanh is odd, every choice of their signs.

    by_class  norms of each input feature and of each output, and its bias, by their own place; else sorted too, so that neither
              an exchange of features nor one of classes is seen
    """
    first, bias, second, last = (part.numpy() for part in shape.parts(torch.from_numpy(theta)))
    rows, columns = np.linalg.norm(first, axis=2), np.linalg.norm(second, axis=1)
    own = [np.linalg.norm(first, axis=1), np.linalg.norm(second, axis=2), last]
    parts = [
        *(np.sort(each, 1) for each in (rows, columns, rows * columns, np.abs(bias))),
        np.linalg.svd(first, compute_uv=False),
        np.linalg.svd(second, compute_uv=False),
        *(_entries(each) for each in (first, second)),
        _cosines(first),
        _cosines(second.transpose(0, 2, 1)),
        *(each if by_class else np.sort(each, 1) for each in own),
        np.stack([np.square(each).reshape(len(theta), -1).sum(1) for each in (first, bias, second, last)], 1),
    ]
    return np.concatenate(parts, 1)


def _entries(weights: np.ndarray) -> np.ndarray:
    """Quantiles and kurtosis of |entries|: a sign belongs to a unit's own."""
    flat = np.abs(weights.reshape(len(weights), -1))
    return np.concatenate([np.quantile(flat, QUANTILES, axis=1).T, kurtosis(flat, axis=1)[:, None]], 1)


def _cosines(rows: np.ndarray) -> np.ndarray:
    """Quantiles of |cos| between the hidden units' rows (n, h, …)."""
    unit = rows / np.maximum(np.linalg.norm(rows, axis=2, keepdims=True), 1e-300)
    pairs = np.triu_indices(rows.shape[1], 1)
    between = np.abs(unit @ unit.transpose(0, 2, 1))[:, pairs[0], pairs[1]]
    return np.asarray(np.quantile(between, QUANTILES, axis=1).T)


def function_features(shape: Shape, data: Data, theta: np.ndarray) -> np.ndarray:
    """F (n, 200 · K): log-probabilities on the held-out inputs, none below −12."""
    logs = outputs(shape, torch.from_numpy(theta), data.held_out)[0].log_softmax(2)
    clipped: Tensor = logs.clamp(min=LOWEST)
    return clipped.flatten(1).numpy()


def path_features(history: np.ndarray) -> np.ndarray:
    """T (n, 17): logarithms of steps, length, displacement, tortuosity and initial norm, and the loss at twelve times."""
    return np.concatenate([np.log(np.maximum(history[:, :5], 1e-12)), history[:, 5:]], 1)
