"""Graphs, alone and many, as PyTorch Geometric gives them."""

from __future__ import annotations

from typing import Any

import cases
import numpy as np
import pytest
import torch
from brought_data import loss, number
from lossnav.core import Problem, spectrum
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader


class Graph:
    """What PyTorch Geometric's Data has."""

    def __init__(self, **tensors: Tensor) -> None:
        self.__dict__.update(tensors)


class Convolution(nn.Module):
    """Mean over the neighbours, then a linear layer; one output per node, or per graph."""

    def __init__(self, whole: bool) -> None:
        super().__init__()
        self.layer, self.whole = nn.Linear(3, 4), whole

    def forward(self, x: Tensor, edge_index: Tensor, batch: Tensor) -> Tensor:
        hidden = torch.zeros_like(x).index_add(0, edge_index[1], x[edge_index[0]]) + x
        out = self.layer(hidden)
        return torch.zeros(int(batch.max()) + 1, 4, dtype=x.dtype).index_add(0, batch, out) if self.whole else out


class OfData(Convolution):
    def forward(self, data: Any) -> Tensor:  # type: ignore[override]
        return super().forward(data.x, data.edge_index, data.batch)


def graphs(whole: bool, **more: Tensor) -> list[Graph]:
    found = []
    for seed, n in enumerate((4, 2, 5)):
        edges = torch.stack([torch.arange(n - 1), torch.arange(1, n)])
        y = cases.labels(1 if whole else n, classes=4, seed=seed)
        found.append(Graph(x=cases.normal(n, 3, seed=seed), edge_index=edges, y=y, **more))
    return found


def merged(parts: list[Graph]) -> Graph:
    starts = np.cumsum([0] + [len(g.x) for g in parts])
    edges = [g.edge_index + int(s) for g, s in zip(parts, starts[:-1], strict=True)]
    owner = [torch.full((len(g.x),), i) for i, g in enumerate(parts)]
    return Graph(
        x=torch.cat([g.x for g in parts]),
        edge_index=torch.cat(edges, 1),
        y=torch.cat([g.y for g in parts]),
        batch=torch.cat(owner),
    )


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("kind", [Convolution, OfData])
@pytest.mark.parametrize("form", ["list", "batch", "loader"])
def test_graphs(whole: bool, kind: type[Convolution], form: str) -> None:
    model, parts = cases.initialised(kind(whole)), graphs(whole)
    data = {"list": parts, "batch": merged(parts), "loader": DataLoader(parts, 2, collate_fn=merged)}[form]  # type: ignore[arg-type]
    problem, all_of_them = Problem(model, data), merged(parts)
    outputs = Convolution.forward(model, all_of_them.x, all_of_them.edge_index, all_of_them.batch)  # type: ignore[arg-type]
    assert problem.example_count == 3
    assert loss(problem) == pytest.approx(number(F.cross_entropy(outputs, all_of_them.y)), rel=1e-12)


def test_one_graph_with_masked_nodes() -> None:
    model, (graph, *_) = cases.initialised(OfData(False)), graphs(False)
    graph.train_mask = torch.tensor([True, False, True, True])
    graph.batch = torch.zeros(4, dtype=torch.long)
    problem = Problem(model, graph)
    assert problem.prediction_count == 3
    assert any("train_mask" in note for note in problem.notes)
    outputs = model(graph)[graph.train_mask]
    assert loss(problem) == pytest.approx(number(F.cross_entropy(outputs, graph.y[graph.train_mask])), rel=1e-12)
    found = spectrum(problem, top=1, steps=20, probes=2)
    names = [name for name, _ in model.named_parameters()]

    def own(*values: Tensor) -> Tensor:
        found = torch.func.functional_call(model, dict(zip(names, values, strict=True)), (graph,))
        return F.cross_entropy(found[graph.train_mask], graph.y[graph.train_mask])

    values = tuple(p.detach() for p in model.parameters())
    blocks = torch.autograd.functional.hessian(own, values)
    sizes = [v.numel() for v in values]
    rows = [
        torch.cat([b.reshape(n, m) for b, m in zip(row, sizes, strict=True)], 1)
        for row, n in zip(blocks, sizes, strict=True)
    ]
    assert float(found.top[0]) == pytest.approx(float(torch.linalg.eigvalsh(torch.cat(rows))[-1]), rel=1e-6)


class Pooling(Convolution):
    """Pools its nodes only where it is told of whose graph they are, as graph networks for both kinds of targets do."""

    def forward(self, data: Any) -> Tensor:  # type: ignore[override]
        owner = getattr(data, "batch", None)
        whole = owner if owner is not None else torch.arange(len(data.x))
        self.whole = owner is not None
        return super().forward(data.x, data.edge_index, whole)


@pytest.mark.parametrize("absent", [True, False])
def test_one_graph_is_not_told_whose_its_nodes_are_where_training_does_not(absent: bool) -> None:
    model, (*_, graph) = cases.initialised(Pooling(False)), graphs(False)
    if not absent:
        graph.batch = None
    want = number(F.cross_entropy(model(graph), graph.y))
    assert loss(Problem(model, graph)) == pytest.approx(want, rel=1e-12)
