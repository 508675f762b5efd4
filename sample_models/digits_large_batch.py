"""Trained with all examples at once: the sharp half of Keskar et al.'s contrast (2016, 1609.04836)."""

from lossnav.core import Problem
from torch import nn

from . import _batch_contrast as contrast
from ._digits import TRAIN_EXAMPLES
from ._run import Run

NAME = "digits-large-batch"


def build_model() -> nn.Module:
    """64 – 48 – 48 – 10 with tanh."""
    return contrast.build_model()


def train() -> Run:
    """Train in batches of all 1,400 examples to the same training loss as digits-small-batch."""
    return contrast.train_to_target(
        NAME,
        "Large batches, sharp minimum",
        "A small network trained on all 1,400 examples at every step until its training loss is that of digits-small-batch. "
        "Start, learning rate and final loss are the same, but its terrain is sharper at the end.",
        batch=TRAIN_EXAMPLES,
        horizon=890,
    )


def problem() -> Problem:
    """The trained network on its training images."""
    return contrast.shipped_problem(NAME)
