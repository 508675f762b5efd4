"""A loss of the network on objects: graphs as PyTorch Geometric keeps them, a dataclass of a batch."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import cases
import pytest
import torch
from further import Kind, agrees_with_its_training_code
from lossnav.core import InputError, Problem
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader


class Graph:
    """As torch_geometric.data.Data: fields by name, listed by keys()."""

    def __init__(self, **fields: Any) -> None:
        self.__dict__.update(fields)

    def keys(self) -> list[str]:
        return list(self.__dict__)

    def __len__(self) -> int:
        return len(self.__dict__)

    def __getitem__(self, name: str) -> Any:
        return getattr(self, name)


class Net(nn.Module):
    """One step of message passing; graphs are pooled where there is `batch`."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(4, 5).double(), nn.Linear(5, 3).double()

    def forward(self, graph: Any) -> Tensor:
        source, into = graph.edge_index
        inner = torch.tanh(self.first(graph.x))
        inner = inner + torch.zeros_like(inner).index_add(0, into, inner[source])
        of = getattr(graph, "batch", None)
        if of is not None:
            inner = torch.zeros(int(of.max()) + 1, 5, dtype=inner.dtype).index_add(0, of, inner)
        return self.last(inner)  # type: ignore[no-any-return]


def one_graph() -> Graph:
    torch.manual_seed(0)
    mask = torch.arange(9) < 6
    return Graph(
        x=torch.randn(9, 4).double(), edge_index=torch.randint(0, 9, (2, 20)), y=torch.arange(9) % 3, train_mask=mask
    )


def several(seed: int = 1) -> list[Graph]:
    torch.manual_seed(seed)
    sizes = (3, 5, 4, 6)
    return [
        Graph(x=torch.randn(n, 4).double(), edge_index=torch.randint(0, n, (2, 2 * n)), y=torch.tensor([n % 3]))
        for n in sizes
    ]


def together(graphs: list[Graph]) -> Graph:
    """As Batch.from_data_list."""
    starts = [sum(len(g.x) for g in graphs[:i]) for i in range(len(graphs))]
    return Graph(
        x=torch.cat([g.x for g in graphs]),
        edge_index=torch.cat([g.edge_index + s for g, s in zip(graphs, starts, strict=True)], 1),
        y=torch.cat([g.y for g in graphs]),
        batch=torch.cat([torch.full((len(g.x),), i) for i, g in enumerate(graphs)]),
        num_graphs=len(graphs),
    )


def masked(model: nn.Module, graph: Any) -> Tensor:
    return F.cross_entropy(model(graph)[graph.train_mask], graph.y[graph.train_mask])


def pooled(model: nn.Module, graph: Any) -> Tensor:
    return F.cross_entropy(model(graph), graph.y)


def net() -> Net:
    torch.manual_seed(2)
    return Net()


@dataclasses.dataclass(frozen=True)
class Pairs:
    """A batch as an object."""

    x: Tensor
    y: Tensor


def loader() -> Any:
    return DataLoader(several(), batch_size=2, collate_fn=together)  # type: ignore[arg-type]


GIVEN: dict[str, Callable[[], tuple[Problem, Callable[[nn.Module], Tensor], int]]] = {
    "one graph": lambda: (Problem.from_loss(net(), one_graph(), masked), lambda m: masked(m, one_graph()), 1),
    "a list of graphs": lambda: (
        Problem.from_loss(net(), several(), pooled, batches="whole"),
        lambda m: pooled(m, together(several())),
        4,
    ),
    "a batch of graphs": lambda: (
        Problem.from_loss(net(), together(several()), pooled, batches="whole"),
        lambda m: pooled(m, together(several())),
        4,
    ),
    "a loader of graphs": lambda: (
        Problem.from_loss(net(), loader(), pooled, batches="loader"),
        lambda m: pooled(m, together(several())),
        4,
    ),
}


@pytest.mark.parametrize("name", GIVEN)
def test_graphs_are_taken_as_the_other_doors_take_them(name: str) -> None:
    problem, right, examples = GIVEN[name]()
    assert problem.example_count == examples
    agrees_with_its_training_code(Kind(problem, right))


@pytest.mark.parametrize("kind", [Pairs, SimpleNamespace])
def test_an_object_of_tensors_is_a_batch_cut_by_rows(kind: Any) -> None:
    model = cases.initialised(cases.mlp((3, 4, 3), nn.Tanh))
    given = kind(x=cases.normal(12, 3), y=cases.labels(12, classes=3))
    before = copy.deepcopy(given)
    problem = Problem.from_loss(model, given, lambda m, b: F.cross_entropy(m(b.x), b.y, reduction="none"))
    assert problem.example_count == 12
    agrees_with_its_training_code(Kind(problem, lambda m: F.cross_entropy(m(before.x), before.y)))
    assert torch.equal(given.x, before.x)


def test_an_object_without_tensors_is_refused() -> None:
    with pytest.raises(InputError, match="tuple, dict or object of tensors"):
        Problem.from_loss(net(), SimpleNamespace(x=3), masked)
