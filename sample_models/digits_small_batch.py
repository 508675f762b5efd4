"""Trained with small batches: the flat half of Keskar et al.'s contrast (2016, 1609.04836)."""

from lossnav.core import Problem
from torch import nn

from . import _batch_contrast as contrast
from ._run import Run

NAME = "digits-small-batch"


def build_model() -> nn.Module:
    """64 – 48 – 48 – 10 with tanh."""
    return contrast.build_model()


def train() -> Run:
    """Train in batches of 10 to the same training loss as digits-large-batch."""
    return contrast.train_to_target(
        NAME,
        "Small batches, flat minimum",
        "A small network trained in batches of 10 until its training loss is that of digits-large-batch. Start, learning rate "
        "and final loss are the same, but its terrain is flatter at the end.",
        batch=10,
        horizon=1150,
    )


def problem() -> Problem:
    """The trained network on its training images."""
    return contrast.shipped_problem(NAME)
