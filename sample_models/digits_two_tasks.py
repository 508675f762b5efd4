"""Three tasks in turn with nothing to hold the first: catastrophic forgetting (Kirkpatrick et al. 2017, 1612.00796)."""

from lossnav.core import Problem
from torch import nn

from . import _two_tasks as tasks
from ._run import Run

NAME = "digits-two-tasks"


def build_model() -> nn.Module:
    """64 – 128 – 10 with ReLU."""
    return tasks.build_model()


def train() -> Run:
    """Learn the tasks in turn, each from where the last one ended."""
    return tasks.train_tasks(
        NAME,
        "Tasks in turn, nothing held",
        "A network learns the digits, then the same digits with their pixels permuted, then permuted again. The terrain is "
        "the loss of the first task: the path finds its basin and leaves it again. The anchor marks where it was found.",
        elastic=False,
    )


def problem() -> Problem:
    """The network after all tasks, on the first task's training data, anchored where that task was learned."""
    return tasks.shipped_problem(NAME)
