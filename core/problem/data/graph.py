"""Graphs as PyTorch Geometric keeps them, known by what they have: every graph is one example."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ...checks import InputError
from ..likelihoods.protocol import IGNORED
from .adapter import Adapter, Call
from .ragged import padded
from .signature import Signature

NODES, EDGES = "node_count", "edge_count"
STRUCTURE = ("batch", "ptr", "y")
Graph = dict[str, Tensor]


def is_graph(thing: Any) -> bool:
    """Whether `thing` is a graph, or a batch of them: it has edges, and is no tensor."""
    return not isinstance(thing, (Tensor, nn.Module, dict)) and isinstance(getattr(thing, "edge_index", None), Tensor)


def arranged_graphs(given: Sequence[Any], network: nn.Module) -> tuple[dict[str, Tensor], Tensor, Adapter, list[str]]:
    """Rows (one per graph), targets, how to call the network, and notes.

    Targets are one per graph (m,), or one per node (m, most nodes) with −100 where a node is not predicted: outside
    `train_mask`, where there is one.

    Raises
    ------
    InputError  no targets `y`, or targets that are neither per graph nor per node
    """
    graphs = [graph for batch in given for graph in _single(batch)]
    if any("y" not in graph for graph in graphs):
        raise InputError("A graph should carry its targets as `y`, but has none: set data.y, or give it to the loader.")
    per_node = _per_node(graphs)
    masks: list[Tensor | None] = _kept(graphs) if per_node else [None for _ in graphs]
    masked = any(mask is not None for mask in masks)
    alone = per_node and len(graphs) == 1
    rows = {name: padded([graph[name] for graph in graphs]) for name in _shared(graphs)}
    rows = {name: t.transpose(1, 2) if _is_index(name) else t for name, t in rows.items()}
    rows |= {
        NODES: torch.tensor([int(graph[NODES]) for graph in graphs]),
        EDGES: torch.tensor([int(graph[EDGES]) for graph in graphs]),
    }
    chosen = masks[0] if alone else None
    targets = _node_targets(graphs, masks) if per_node else torch.cat([graph["y"] for graph in graphs])
    notes = ["Only the nodes of train_mask are predicted."] if masked else []
    # in a training script one graph has `batch` where it came with one, and a forward may pool its nodes by it
    unowned = alone and not isinstance(getattr(given[0], "batch", None), Tensor)
    return rows, targets, _adapter(given[0], Signature.of(network), per_node, chosen, unowned), notes


def graph_rows(given: Sequence[Any]) -> tuple[dict[str, Tensor], Callable[[dict[str, Tensor]], Any]]:
    """Rows (one per graph) of everything that all of several graphs carry, and what puts some of them into one batch again."""
    graphs = [graph for batch in given for graph in _single(batch)]
    names = [name for name in graphs[0] if all(name in graph for graph in graphs)]
    rows = {name: padded([graph[name] for graph in graphs]) for name in names if name not in (NODES, EDGES)}
    rows = {name: t.transpose(1, 2) if _is_index(name) else t for name, t in rows.items()}
    rows |= {name: torch.stack([graph[name] for graph in graphs]) for name in (NODES, EDGES)}
    return rows, lambda some: _one_graph(given[0], _merged(some), len(some[NODES]))


def _one_graph(template: Any, merged: dict[str, Tensor], count: int) -> Any:
    """An object as `template` is, with these fields."""
    data = copy.copy(template)
    for name, tensor in merged.items():
        setattr(data, name, tensor)
    if hasattr(data, "_num_graphs"):
        data._num_graphs = count
    return data


def _single(batch: Any) -> list[Graph]:
    """The graphs of a batch, each with edges among its own nodes."""
    content = {str(k): getattr(batch, str(k)) for k in _keys(batch)}
    tensors = {k: v for k, v in content.items() if isinstance(v, Tensor)}
    nodes = _node_count(batch, tensors)
    if "edge_index" not in tensors:
        raise InputError("A graph should have its edges as `edge_index` of shape (2, edges), but has none: set it.")
    of = tensors.get("batch")
    if of is None:
        return [_graph(tensors, nodes, torch.arange(nodes), torch.arange(tensors["edge_index"].shape[1]), None)]
    count, source = int(of.max()) + 1, of[tensors["edge_index"][0]]
    return [
        _graph(tensors, nodes, (of == g).nonzero()[:, 0], (source == g).nonzero()[:, 0], (g, count))
        for g in range(count)
    ]


def _graph(tensors: Graph, nodes: int, node_rows: Tensor, edges: Tensor, which: tuple[int, int] | None) -> Graph:
    graph: Graph = {NODES: torch.tensor(len(node_rows)), EDGES: torch.tensor(len(edges))}
    for name, tensor in tensors.items():
        if name in ("batch", "ptr"):
            continue
        if _is_index(name):
            graph[name] = (tensor[:, edges] - node_rows[0]).T  # padded along the edges, turned back afterwards
        elif name.startswith("edge") and len(tensor) == tensors["edge_index"].shape[1]:
            graph[name] = tensor[edges]
        elif (
            tensor.ndim
            and len(tensor) == nodes
            and not (name == "y" and which is not None and len(tensor) == which[1] != nodes)
        ):
            graph[name] = tensor[node_rows]
        elif which is not None and tensor.ndim and len(tensor) == which[1]:
            graph[name] = tensor[which[0] : which[0] + 1]
        else:
            graph[name] = tensor if tensor.ndim else tensor[None]
    return graph


def _keys(batch: Any) -> list[str]:
    keys = getattr(batch, "keys", None)
    found = keys() if callable(keys) else keys
    return [str(k) for k in (vars(batch) if found is None else found) if not str(k).startswith("_")]


def _node_count(batch: Any, tensors: Graph) -> int:
    named = next((t for k in ("x", "pos", "z", "batch") if (t := tensors.get(k)) is not None), None)
    return len(named) if named is not None else int(getattr(batch, "num_nodes", int(tensors["edge_index"].max()) + 1))


def _is_index(name: str) -> bool:
    return name == "edge_index"


def _per_node(graphs: list[Graph]) -> bool:
    per_node = [len(g["y"]) == int(g[NODES]) for g in graphs]
    per_graph = [len(g["y"]) == 1 for g in graphs]
    if all(per_graph) and not (all(per_node) and any("train_mask" in g for g in graphs)):
        return False
    if not all(per_node):
        raise InputError(
            "The targets `y` of a graph should be one per node or one per graph, but are "
            f"{len(graphs[0]['y'])} for {int(graphs[0][NODES])} nodes: give losses on edges by a network that returns them."
        )
    return True


def _kept(graphs: list[Graph]) -> list[Tensor | None]:
    return [g["train_mask"].bool() if "train_mask" in g and g["train_mask"].ndim == 1 else None for g in graphs]


def _shared(graphs: list[Graph]) -> list[str]:
    """Names of the fields for forward: all but targets, counts and masks of a split."""
    names = [n for n in graphs[0] if n not in (*STRUCTURE, NODES, EDGES) and not n.endswith("_mask")]
    return [n for n in names if all(n in g for g in graphs)]


def _node_targets(graphs: list[Graph], masks: list[Tensor | None]) -> Tensor:
    ys = [g["y"] for g in graphs]
    if len(graphs) == 1:
        return ys[0][None] if masks[0] is None else ys[0][masks[0]][None]
    if ys[0].is_floating_point():
        if len({len(y) for y in ys}) > 1 or any(mask is not None for mask in masks):
            raise InputError(
                "Real targets on the nodes of several graphs of different sizes cannot be padded: put all graphs into one "
                "(torch_geometric.data.Batch.from_data_list, without its `batch`)."
            )
        return torch.stack(ys)
    masked = [y if m is None else y.masked_fill(~m, IGNORED) for y, m in zip(ys, masks, strict=True)]
    return padded(masked, IGNORED)


def _adapter(template: Any, signature: Signature, per_node: bool, chosen: Tensor | None, unowned: bool) -> Adapter:
    by_name = signature.takes("edge_index")

    def before(_args: tuple[Any, ...], rows: dict[str, Any]) -> Call:
        merged = _merged(rows)
        if unowned and "batch" not in signature.required:
            del merged["batch"]
        if by_name:
            return (), {k: v for k, v in merged.items() if signature.takes(k)}
        return (_one_graph(template, merged, len(rows[NODES])),), {}

    def after(outputs: Any, rows: dict[str, Any]) -> Any:
        if not per_node:
            return outputs
        if isinstance(outputs, tuple):
            return tuple(after(entry, rows) for entry in outputs)
        each = outputs.split(rows[NODES].tolist())
        if chosen is not None:
            return torch.stack([own[chosen.to(outputs.device)] for own in each])
        width = max(t.shape[1] for name, t in rows.items() if t.ndim > 1 and not name.startswith("edge"))
        return padded([*each, outputs.new_zeros(width, *outputs.shape[1:])])[:-1]  # as wide as the targets are

    return Adapter(before, after, f"graphs {'nodes' if per_node else 'whole'}{' alone' if unowned else ''}")


def _merged(rows: dict[str, Any]) -> dict[str, Tensor]:
    """The graphs of these rows as one with no edge between them, and which graph each node is of."""
    nodes, edges = rows[NODES], rows[EDGES]
    starts = nodes.cumsum(0) - nodes
    merged: dict[str, Tensor] = {}
    for name, tensor in rows.items():
        if name in (NODES, EDGES):
            continue
        if _is_index(name):
            parts = [row[:, :e] + start for row, e, start in zip(tensor, edges.tolist(), starts, strict=True)]
            merged[name] = torch.cat(parts, 1)
        else:
            counts = _counts(name, tensor, nodes, edges)
            merged[name] = torch.cat([row[:c] for row, c in zip(tensor, counts, strict=True)])
    merged["batch"] = torch.repeat_interleave(torch.arange(len(nodes), device=nodes.device), nodes)
    return merged


def _counts(name: str, tensor: Tensor, nodes: Tensor, edges: Tensor) -> list[int]:
    if name.startswith("edge"):
        return [int(e) for e in edges]
    return [1] * len(nodes) if tensor.shape[1] == 1 else [int(n) for n in nodes]
