"""A problem whose loss calls the network itself: its data as they are handed over, and the examples of its means counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from .arguments import checked_batches
from .counted_examples import with_examples_counted
from .data import chosen_rows, comes_in_examples, graphs_of, handed_whole
from .likelihoods.batch_mean import ONE_NUMBER
from .likelihoods.of_network import NetworkLoss, OfNetwork
from .second_data import with_second
from .structure import Graphs, Structure, graphs_apart, taken_apart

if TYPE_CHECKING:
    from .problem import Problem

GRAPHS = "Each graph is one example, and a batch is what PyTorch Geometric makes of several: one graph with `batch` beside its nodes."


def from_loss(kind: type[Problem], model: nn.Module, data: Any, loss: NetworkLoss, **more: Any) -> Problem:
    """As `Problem.from_loss`, whose class `kind` is."""
    test = more.pop("test", None)
    leaves, structure, batches, notes = _read_apart(data, more.pop("examples", None))
    if more.get("batches") == "loader":
        more["batches"] = checked_batches("loader", batches)
    rows = leaves[0].shape[0]
    problem = kind(model, leaves, torch.zeros(rows, 0), OfNetwork(loss, structure), **more)
    problem.likelihood = with_examples_counted(problem)
    problem.loader_batches, problem.notes = batches, (*notes, *problem.notes)
    problem.notes += (ONE_NUMBER,) if problem.likelihood.is_of_batches else ()
    if structure.whole:
        problem.notes += ("The data have no common number of rows, so all of them together count as one example.",)
    if test is not None:
        with_second(problem, lambda alike: from_loss(kind, problem.model, test, loss, **alike))
    return problem


def _read_apart(data: Any, examples: Any) -> tuple[list[Tensor], Structure | Graphs, tuple[int, ...] | None, list[str]]:
    """Tensors with a row per example, how a batch is put together from some rows, the loader's batches, notes."""
    graphs = graphs_of(data)
    if graphs and isinstance(graphs[0], type(data)) and not isinstance(getattr(data, "batch", None), Tensor):
        return *taken_apart(data), None, []  # one graph, whole
    if graphs:
        leaves, together = graphs_apart(graphs)
        sizes = (
            tuple(int(getattr(graph, "num_graphs", 1)) for graph in graphs) if isinstance(data, DataLoader) else None
        )
        rows = chosen_rows(len(leaves[0]), examples)
        return leaves if rows is None else [leaf[rows] for leaf in leaves], together, sizes, [GRAPHS]
    read = handed_whole(data, examples if comes_in_examples(data) else None)
    return *taken_apart(read.content), read.batches, read.notes
