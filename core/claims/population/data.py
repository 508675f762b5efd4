"""Training and held-out examples that a population shares, from a fixed seed: digits, a mixture, and data with an exact symmetry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ...checks import known

TRAINING, HELD_OUT, FEATURES, CLASSES = 256, 200, 16, 10
SPREAD = 1.6  # of the mixture's class means, in standard deviations within a class: learnable, not trivial
SEED = 20_240_417


@dataclass(frozen=True)
class Data:
    """Examples of ten classes with sixteen features, standardised by the training examples.

    inputs, targets  (256, 16) float64, (256,) int64
    held_out         (200, 16)
    pools            name → indices of training examples that a first phase may be of
    """

    name: str
    inputs: Tensor
    targets: Tensor
    held_out: Tensor
    pools: Mapping[str, Tensor]


def data_of(name: str) -> Data:
    """The data called "digits", "mixture" or "mirrored".

    >>> found = data_of("mirrored")
    >>> exchanged = torch.cat([found.inputs[:, 8:], found.inputs[:, :8]], 1)  # and the two halves of the examples
    >>> bool((exchanged.roll(128, 0) == found.inputs).all()), bool(((found.targets + 5) % 10).roll(128).eq(found.targets).all())
    (True, True)

    Raises
    ------
    InputError  another name
    """
    return MAKERS[known(name, MAKERS, "data")]()


def digits() -> Data:
    """scikit-learn's digits, 8 × 8, as means of 2 × 2 pixels."""
    from sklearn.datasets import load_digits

    images, targets = load_digits(return_X_y=True)
    pooled = images.reshape(-1, 4, 2, 4, 2).mean((2, 4)).reshape(-1, FEATURES)
    order = np.random.default_rng(SEED).permutation(len(pooled))[: TRAINING + HELD_OUT]
    return _made("digits", pooled[order], targets[order])


def mixture() -> Data:
    """Ten Gaussian classes with means drawn once."""
    generator = np.random.default_rng(SEED)
    means = SPREAD * generator.normal(size=(CLASSES, FEATURES)) / 2
    targets = generator.integers(0, CLASSES, TRAINING + HELD_OUT)
    return _made("mixture", means[targets] + generator.normal(size=(len(targets), FEATURES)), targets)


def mirrored() -> Data:
    """(A, σA): five Gaussian classes, and the same with features 1–8 and 9–16 exchanged and labels + 5."""
    generator = np.random.default_rng(SEED)
    means = SPREAD * generator.normal(size=(5, FEATURES)) / 2
    targets = generator.integers(0, 5, (TRAINING + HELD_OUT) // 2)
    rows = means[targets] + generator.normal(size=(len(targets), FEATURES))
    rows = (
        rows - rows.mean()
    ) / rows.std()  # one mean and scale for all features: standardising each would break the symmetry
    half = TRAINING // 2
    train, held = (np.concatenate([part, exchanged(part)]) for part in (rows[:half], rows[half:]))
    labels = np.concatenate([targets[:half], targets[:half] + 5])
    pools = {"A": torch.arange(half), "B": torch.arange(half, TRAINING)}
    inputs, held_out = torch.from_numpy(train), torch.from_numpy(held)
    return Data("mirrored", inputs, torch.from_numpy(labels), held_out, pools)


def exchanged(rows: np.ndarray) -> np.ndarray:
    """σ of inputs: features 1–8 and 9–16 change places."""
    return np.roll(rows, FEATURES // 2, axis=1)


def _made(name: str, rows: np.ndarray, targets: np.ndarray) -> Data:
    mean, spread = rows[:TRAINING].mean(0), rows[:TRAINING].std(0)
    inputs = torch.from_numpy((rows - mean) / np.where(spread > 0, spread, 1.0))
    labels = torch.from_numpy(targets.astype(np.int64))
    train, held = inputs[:TRAINING].clone(), inputs[TRAINING:].clone()
    return Data(name, train, labels[:TRAINING].clone(), held, _pools(train, labels[:TRAINING]))


def _pools(inputs: Tensor, targets: Tensor) -> dict[str, Tensor]:
    """Low and high classes; the half of the examples with the larger and with the smaller margin to the nearest centroids."""
    centroids = torch.stack([inputs[targets == c].mean(0) for c in range(CLASSES)])
    away = torch.cdist(inputs, centroids)
    own = away.gather(1, targets[:, None])[:, 0]
    other = away.scatter(1, targets[:, None], torch.inf).min(1).values
    hardest_first = (other - own).argsort(stable=True)
    half = len(inputs) // 2
    return {
        "low": (targets < 5).nonzero()[:, 0],
        "high": (targets >= 5).nonzero()[:, 0],
        "easy": hardest_first[half:].sort().values,
        "hard": hardest_first[:half].sort().values,
    }


MAKERS = {"digits": digits, "mixture": mixture, "mirrored": mirrored}
