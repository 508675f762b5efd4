"""A deep narrow network with skip connections: the smooth half of Li et al.'s contrast (2018, 1712.09913, §5)."""

from lossnav.core import Problem
from torch import nn

from . import _digits_cnn as cnn
from ._run import Run

NAME = "digits-resnet"


def build_model() -> nn.Module:
    """32 layers, width 16, skip connections around every two."""
    return cnn.build(skip=True)


def train() -> Run:
    """Train from the seed, exactly as digits-plain."""
    return cnn.train_cnn(
        NAME,
        "Deep network with skip connections",
        "A 32-layer convolutional network whose blocks add their input to their output. Trained exactly as digits-plain, "
        "which lacks these skip connections. Its terrain is one bowl where that of the other is broken into several.",
        skip=True,
    )


def problem() -> Problem:
    """The trained network on its training images."""
    return cnn.shipped_problem(NAME, skip=True)
