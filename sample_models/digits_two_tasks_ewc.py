"""Three tasks in turn, held by elastic weight consolidation (Kirkpatrick et al. 2017, 1612.00796)."""

from lossnav.core import Problem
from torch import nn

from . import _two_tasks as tasks
from ._run import Run

NAME = "digits-two-tasks-ewc"


def build_model() -> nn.Module:
    """64 – 128 – 10 with ReLU."""
    return tasks.build_model()


def train() -> Run:
    """Learn the tasks in turn, the earlier ones' anchors pulling back while a later one is learned."""
    return tasks.train_tasks(
        NAME,
        "Tasks in turn, held elastically",
        "The tasks of digits-two-tasks, learned with an elastic pull back to where each earlier task was learned. The terrain "
        "is the loss of the first task: the path stays in its basin while the later tasks are learned.",
        elastic=True,
    )


def problem() -> Problem:
    """The network after all tasks, on the first task's training data, anchored where that task was learned."""
    return tasks.shipped_problem(NAME)
