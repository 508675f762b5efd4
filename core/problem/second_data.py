"""A second data set beside the one that the loss is of: the test data beside the training data."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch

from ..checks import InputError

if TYPE_CHECKING:
    from .problem import Problem

# what is of the network and not of its data: the second data set takes it from the first as that is now
OF_NETWORK = ("model", "selection", "weight_decay", "batchnorm", "products", "dtype", "known_statistics", "draws")
# what a problem made on the second data is asked for as the first was
ASKED_ALIKE = ("batchnorm", "weight_decay", "products", "draws", "output", "batches", "name")
SAID = "The second data set, test=, has {:,} example{}: its loss is measured beside the first's."


def taken_apart(test: Any, targets: Any) -> tuple[Any, Any]:
    """Inputs and targets of what was given as `test`; targets are None where the data have them, or their key or place.

    targets  as they were given for the first data set
    """
    if isinstance(test, tuple) and len(test) == 2:
        return test
    return test, targets if isinstance(targets, (str, int)) else None


def with_second(problem: Problem, make: Callable[[dict[str, Any]], Problem]) -> None:
    """Give a problem its second data set, read as the first was.

    make  further arguments by name → the problem on the second data set

    Raises
    ------
    InputError  whatever is wrong with these data
    """
    alike = {name: getattr(problem, name) for name in ASKED_ALIKE}
    chosen = {} if problem.selection is None else {"parameters": list(problem.selection)}
    try:
        problem.second = make(alike | chosen)
    except InputError as error:
        raise InputError(f"The second data set, test=: {error}") from error
    count = problem.second.example_count
    notes = (note for note in problem.second.notes if note not in problem.notes)
    problem.notes += (SAID.format(count, "s" * (count != 1)), *(f"Of the second data set: {note}" for note in notes))


def on_second(problem: Problem) -> Problem | None:
    """The problem of the second data set, with the network as it is in `problem`; None: there is none."""
    if problem.second is None:
        return None
    part = copy.copy(problem.second)
    for name in OF_NETWORK:
        setattr(part, name, getattr(problem, name))
    return part


def with_less_second(problem: Problem, share: float) -> Problem:
    """The problem with a share of its second data set, drawn from a seed; as it is where there is none, or its batches are its loss."""
    if problem.second is None or problem.batches is not None:
        return problem
    count = problem.second.example_count
    rows = torch.randperm(count, generator=torch.Generator().manual_seed(0))[: max(1, round(share * count))]
    part = copy.copy(problem)
    part.second = problem.second.subset(rows.sort().values)
    return part
