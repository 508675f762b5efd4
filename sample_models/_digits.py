"""Handwritten digits (scikit-learn's bundled copy of the UCI set, Alpaydin & Kaynak 1998), split once for all samples."""

from dataclasses import dataclass
from functools import lru_cache

import torch
from sklearn.datasets import load_digits
from torch import Tensor

TRAIN_EXAMPLES = 1400


@dataclass(frozen=True)
class Split:
    """Training and test examples.

    Attributes
    ----------
    inputs, test_inputs  (n, 64) float32 pixels scaled to 0..1, row by row of the 8 × 8 image.
    targets, test_targets  (n,) int64 digits 0..9.
    """

    inputs: Tensor
    targets: Tensor
    test_inputs: Tensor
    test_targets: Tensor


@lru_cache(maxsize=1)
def digits() -> Split:
    """1,400 training and 397 test images, the order drawn from seed 0 because the set itself is ordered by writer."""
    pixels, labels = load_digits(return_X_y=True)
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))
    inputs = (torch.as_tensor(pixels, dtype=torch.float32) / 16)[order]
    targets = torch.as_tensor(labels, dtype=torch.int64)[order]
    n = TRAIN_EXAMPLES
    return Split(inputs[:n], targets[:n], inputs[n:], targets[n:])


def permute_pixels(images: Tensor, seed: int) -> Tensor:
    """The same images with their pixels in another order, fixed by ``seed``; shape (n, 64) kept."""
    order = torch.randperm(images.shape[1], generator=torch.Generator().manual_seed(seed))
    return images[:, order]
