"""A problem whose loss calls the network itself: its data as they are handed over, and the examples of its means counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from .arguments import checked_batches
from .counted_examples import with_examples_counted
from .data import comes_in_examples, handed_whole
from .likelihoods.batch_mean import ONE_NUMBER
from .likelihoods.of_network import NetworkLoss, OfNetwork
from .second_data import with_second
from .structure import taken_apart

if TYPE_CHECKING:
    from .problem import Problem


def from_loss(kind: type[Problem], model: nn.Module, data: Any, loss: NetworkLoss, **more: Any) -> Problem:
    """As `Problem.from_loss`, whose class `kind` is."""
    test = more.pop("test", None)
    read = handed_whole(data, more.pop("examples", None) if comes_in_examples(data) else None)
    if more.get("batches") == "loader":
        more["batches"] = checked_batches("loader", read.batches)
    leaves, structure = taken_apart(read.content)
    rows = leaves[0].shape[0]
    problem = kind(model, leaves, torch.zeros(rows, 0), OfNetwork(loss, structure), **more)
    problem.likelihood = with_examples_counted(problem)
    problem.loader_batches, problem.notes = read.batches, (*read.notes, *problem.notes)
    problem.notes += (ONE_NUMBER,) if problem.likelihood.is_of_batches else ()
    if structure.whole:
        problem.notes += ("The data have no common number of rows, so all of them together count as one example.",)
    if test is not None:
        with_second(problem, lambda alike: from_loss(kind, problem.model, test, loss, **alike))
    return problem
