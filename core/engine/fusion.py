"""Rearranges a recorded network: BatchNorm folded into convolutions, ReLU and sums done in the same pass over memory.

Folding and whatever else depends on weights alone goes into a prologue, run once per point and not once per batch. Every
operation that fits no pattern stays as it was recorded.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, fx

from .kernels import Kernels, folded_bias, folded_weight, normaliser
from .tracing import UnrecordableError, source, writes

aten = torch.ops.aten
FUSED_DTYPES = (torch.float32, torch.bfloat16)
RELUS = (aten.relu.default, aten.relu_.default)
NORMS = (
    aten.native_batch_norm.default,
    aten._native_batch_norm_legit_no_training.default,
    aten.cudnn_batch_norm.default,
)


def fuse(graph: fx.Graph, kernels: Kernels) -> int:
    """Replace in `graph` what `kernels` can do better; returns how many times."""
    count = 0
    for node in list(graph.nodes):
        if _is(node, aten.convolution.default) and _is_two_dimensional(node) and _fits(node):
            count += _replace_convolution(graph, node, kernels)
        elif _is(node, aten.addmm.default, aten.mm.default):
            count += _replace_linear(graph, node, kernels)
    graph.eliminate_dead_code()
    graph.lint()
    return count


def split(graph: fx.Graph, state_count: int) -> tuple[fx.GraphModule, fx.GraphModule]:
    """The graph as two functions, state → values that depend on it alone, and (*values, *inputs) → output.

    Raises
    ------
    UnrecordableError  a batch would write to what all batches share
    """
    placeholders = [n for n in graph.nodes if n.op == "placeholder"]
    shared = set(placeholders[:state_count])
    calls = [n for n in graph.nodes if n.op == "call_function"]
    for node in calls:
        if node.all_input_nodes and shared.issuperset(node.all_input_nodes):
            shared.add(node)
        elif not shared.isdisjoint(writes(node)):
            raise UnrecordableError("a batch writes to what all batches share")
    output = next(n for n in graph.nodes if n.op == "output").args[0]
    body_nodes = [n for n in calls if n not in shared]
    used = [a for n in body_nodes for a in n.all_input_nodes] + [output]
    crossing = list(dict.fromkeys(a for a in used if a in shared))
    prologue = _part(placeholders[:state_count], [n for n in calls if n in shared], crossing)
    return prologue, _part([*crossing, *placeholders[state_count:]], body_nodes, output)


def _part(inputs: list[fx.Node], nodes: list[fx.Node], output: Any) -> fx.GraphModule:
    graph, copies = fx.Graph(), dict[fx.Node, fx.Node]()
    for index, node in enumerate(inputs):
        copies[node] = graph.placeholder(f"x{index}")
    for node in nodes:
        copies[node] = graph.node_copy(node, lambda n: copies[n])
    graph.output(fx.node.map_arg(output, lambda n: copies[n]))
    return fx.GraphModule({}, graph)


def _replace_convolution(graph: fx.Graph, node: fx.Node, kernels: Kernels) -> bool:
    """A convolution with what follows it: [BatchNorm], [+ another], [ReLU]."""
    x, weight, bias, stride, padding, dilation, _, _, groups = _arguments(node)
    norm = _user_of(node, *NORMS)
    normalised = None if norm is None else _normalised_output(norm)
    function, end, others = _with_activation(normalised or node, kernels)
    if _overwritten(node, end, _arguments(node)[:3] + (_arguments(norm)[1:5] if norm is not None else ()) + others):
        return False
    if norm is not None and normalised is not None:
        gamma, beta, mean, variance = _arguments(norm)[1:5]
        dtype = weight.meta["val"].dtype
        with graph.inserting_before(norm):
            scale = graph.call_function(normaliser, (gamma, variance, norm.args[-1]))
            bias = graph.call_function(folded_bias, (bias, mean, scale, beta, dtype))
            weight = graph.call_function(folded_weight, (_uncast(weight), scale, dtype))
    _replace(graph, end, function, (x, weight, bias, stride, padding, dilation, groups, *others))
    return True


def _with_activation(node: fx.Node, kernels: Kernels) -> tuple[Callable[..., Tensor], fx.Node, tuple[fx.Node, ...]]:
    """The kernel for a convolution that ends in `node`, the operation it reaches to, and its further arguments."""
    if (relu := _user_of(node, *RELUS)) is not None:
        return kernels.convolution_relu, relu, ()
    summed = _sum_with(node)
    if summed is not None and (relu := _user_of(summed[0], *RELUS)) is not None:
        return kernels.convolution_add_relu, relu, (summed[1],)
    return kernels.convolution, node, ()


def _replace_linear(graph: fx.Graph, node: fx.Node, kernels: Kernels) -> bool:
    arguments = _arguments(node)
    bias, x, transposed = arguments if len(arguments) == 3 else (None, *arguments)
    vector = bias is None or bias.meta["val"].ndim == 1
    if not _is(transposed, aten.t.default) or node.kwargs or not vector or not _fits(node):
        return False
    relu = _user_of(node, *RELUS)
    reaches = relu is not None and not _overwritten(node, relu, arguments)
    function = kernels.linear_relu if reaches else kernels.linear
    _replace(graph, relu if relu is not None and reaches else node, function, (x, transposed.args[0], bias))
    return True


def _replace(graph: fx.Graph, last: fx.Node, function: Callable[..., Tensor], arguments: tuple[Any, ...]) -> None:
    """Put `function` in the place of `last` and of all that only led to it."""
    with graph.inserting_before(last):
        new = graph.call_function(function, arguments)
    new.meta["val"] = last.meta["val"]
    last.replace_all_uses_with(new)
    _erase(graph, last)


def _erase(graph: fx.Graph, node: fx.Node) -> None:
    sources = node.all_input_nodes
    graph.erase_node(node)
    for each in sources:
        if not each.users and each.op == "call_function":
            _erase(graph, each)


def _is_two_dimensional(node: fx.Node) -> bool:
    transposed = node.args[6]
    return not transposed and node.meta["val"].ndim == 4


def _fits(node: fx.Node) -> bool:
    tensors = [n.meta["val"] for n in node.all_input_nodes]
    return all(t.dtype in FUSED_DTYPES and t.dtype == tensors[0].dtype for t in tensors)


def _overwritten(first: fx.Node, last: fx.Node, read: tuple[Any, ...]) -> bool:
    """Whether what `first` reads is written to before `last`, so that the first may not move to the place of the last.

    The sum of a chain is no such write, though it may be made in place: it goes with the chain.
    """
    memory = {source(node) for node in read if isinstance(node, fx.Node)}
    node = first.next
    while node is not last:
        if node not in last.all_input_nodes and not memory.isdisjoint(writes(node)):
            return True
        node = node.next
    return False


def _sum_with(node: fx.Node) -> tuple[fx.Node, fx.Node] | None:
    """A sum that alone uses `node`, and its other summand of the same shape, where nothing else sees the sum's memory."""
    total = next(iter(node.users), None)
    if len(node.users) != 1 or total is None or not _is(total, aten.add.Tensor, aten.add_.Tensor) or total.kwargs:
        return None
    other = total.args[1] if total.args[0] is node else total.args[0]
    if not isinstance(other, fx.Node) or other is node:
        return None
    mine, its = node.meta["val"], other.meta["val"]
    if mine.shape != its.shape or mine.dtype != its.dtype:
        return None
    onto_other = _is(total, aten.add_.Tensor) and total.args[0] is other
    return None if onto_other and (len(other.users) > 1 or source(other) is not other) else (total, other)


def _normalised_output(norm: fx.Node) -> fx.Node | None:
    """BatchNorm's output, where the statistics that it also returns are not used."""
    return next((n for n in norm.users if n.args[1] == 0), None) if len(norm.users) == 1 else None


def _uncast(weight: fx.Node) -> Any:
    """The weight itself, where autocast recorded a copy in another precision."""
    return weight.args[0] if _is(weight, aten._to_copy.default) else weight


def _arguments(node: fx.Node) -> tuple[Any, ...]:
    return node.args


def _user_of(node: fx.Node, *targets: Any) -> fx.Node | None:
    """The one operation that uses `node`, as its first argument only, where it is one of `targets`."""
    user = next(iter(node.users), None)
    if len(node.users) != 1 or user is None or not _is(user, *targets):
        return None
    return user if user.args[0] is node and node not in user.args[1:] else None


def _is(node: Any, *targets: Any) -> bool:
    return isinstance(node, fx.Node) and node.op == "call_function" and node.target in targets
