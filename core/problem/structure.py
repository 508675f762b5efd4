"""Data in tuples, dicts and objects of one's own as a list of tensors with a row for each example, and back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from ..checks import InputError
from .data import graph_rows, is_graph
from .opened import opened


@dataclass(frozen=True)
class Structure:
    """How a batch is put together.

    spec    the tuples, lists, dicts and objects
    fixed   place → what is no tensor with rows, and is handed over as it is
    whole   the tensors have no common number of rows, so that all of them together are one example
    """

    spec: Any
    fixed: dict[int, Any]
    whole: bool

    def batch(self, leaves: Sequence[Tensor]) -> Any:
        """The loss's argument, put together from tensors cut alike."""
        given = iter(leaves)
        every = [
            self.fixed[place] if place in self.fixed else next(given) for place in range(len(self.fixed) + len(leaves))
        ]
        if self.whole:
            every = [each if place in self.fixed else each.squeeze(0) for place, each in enumerate(every)]
        return pytree.tree_unflatten(every, self.spec)


@dataclass(frozen=True)
class Graphs:
    """How a batch of several graphs is put together.

    names     of the tensors that the graphs carry
    together  some rows by name → one graph, with `batch`
    """

    names: tuple[str, ...]
    together: Callable[[dict[str, Tensor]], Any]
    whole: bool = False

    def batch(self, leaves: Sequence[Tensor]) -> Any:
        """The loss's argument, put together from tensors cut alike."""
        return self.together(dict(zip(self.names, leaves, strict=True)))


def graphs_apart(graphs: Sequence[Any]) -> tuple[list[Tensor], Graphs]:
    """The tensors of several graphs, one row for each, and how some of them become one batch."""
    rows, together = graph_rows(graphs)
    return list(rows.values()), Graphs(tuple(rows), together)


def taken_apart(data: Any) -> tuple[list[Tensor], Structure]:
    """The tensors of `data`, one row for each example, and how they belong together.

    Raises
    ------
    InputError  there is no tensor in it

    >>> leaves, structure = taken_apart({"x": torch.zeros(3, 2), "y": torch.arange(3), "weight": 2.0})
    >>> len(leaves), sorted(structure.batch([t[:1] for t in leaves]).items())[1:]
    (2, [('x', tensor([[0., 0.]])), ('y', tensor([0]))])
    """
    every, spec = pytree.tree_flatten(pytree.tree_map(opened, data))
    every = [
        each if isinstance(each, Tensor) or not hasattr(each, "__array__") else torch.as_tensor(each) for each in every
    ]
    tensors = {place: each.detach() for place, each in enumerate(every) if isinstance(each, Tensor) and each.ndim}
    if not tensors:
        raise InputError(
            f"data should be a tensor, or a tuple, dict or object of tensors, with one row per example, but is a "
            f"{type(data).__name__} without any."
        )
    fixed = {place: each for place, each in enumerate(every) if place not in tensors}
    graph = pytree.tree_any(is_graph, data, is_leaf=is_graph)  # rows of nodes and edges may be equally many by chance
    whole = graph or len({len(each) for each in tensors.values()}) > 1
    leaves = [each.unsqueeze(0) if whole else each for each in tensors.values()]
    return leaves, Structure(spec, fixed, whole)
