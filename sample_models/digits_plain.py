"""A deep narrow network without skip connections: the chaotic half of Li et al.'s contrast (2018, 1712.09913, §5)."""

from lossnav.core import Problem
from torch import nn

from . import _digits_cnn as cnn
from ._run import Run

NAME = "digits-plain"


def build_model() -> nn.Module:
    """32 layers, width 16, no skip connections."""
    return cnn.build(skip=False)


def train() -> Run:
    """Train from the seed, exactly as digits-resnet."""
    return cnn.train_cnn(
        NAME,
        "Deep network without skip connections",
        "The network of digits-resnet with its skip connections left out, trained exactly the same way. It fits the digits "
        "less well, and its terrain has several local minima and large non-convex parts.",
        skip=False,
    )


def problem() -> Problem:
    """The trained network on its training images."""
    return cnn.shipped_problem(NAME, skip=False)
