"""Rearranges a recorded network: BatchNorm folded into convolutions, the fastest kernels with their activations, ReLU and sums in place.

Folding and whatever else depends on weights alone goes into a prologue, run once per point and not once per batch. Every
operation that fits no pattern stays as it was recorded.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, fx

from .kernels import NONE, Kernels, folded_bias, folded_weight, normaliser
from .tracing import UnrecordableError, writes

aten = torch.ops.aten
FUSED_DTYPES = (torch.float32, torch.bfloat16)
RELUS = (aten.relu.default, aten.relu_.default)
VIEWS = (aten.view.default, aten._unsafe_view.default)
NORMS = (
    aten.native_batch_norm.default,
    aten._native_batch_norm_legit_no_training.default,
    aten.cudnn_batch_norm.default,
)


def fuse(graph: fx.Graph, kernels: Kernels) -> int:
    """Replace in `graph` what `kernels` can do better; returns how many times."""
    count = 0
    for node in list(graph.nodes):
        new = None
        if _is(node, aten.convolution.default) and _is_two_dimensional(node) and _fits(node):
            new = _replace_convolution(graph, node, kernels)
        elif _is(node, aten.addmm.default, aten.mm.default) and _is_linear(node) and _fits(node):
            new = _replace_linear(graph, node, kernels)
        if new is not None:
            _activate(graph, new, kernels)
            _write_onto(new)
            count += 1
    graph.eliminate_dead_code()
    graph.lint()
    return count


def split(graph: fx.Graph, state_count: int) -> tuple[fx.GraphModule, fx.GraphModule]:
    """The graph as two functions, state → values that depend on it alone, and (*values, *inputs) → output.

    Raises
    ------
    UnrecordableError  what all batches share is written to by a batch, or after a batch may have read it
    """
    placeholders = [n for n in graph.nodes if n.op == "placeholder"]
    shared = set(placeholders[:state_count])
    calls = [n for n in graph.nodes if n.op == "call_function"]
    body_nodes: list[fx.Node] = []
    for node in calls:
        alone = bool(node.all_input_nodes) and shared.issuperset(node.all_input_nodes)
        written = set(writes(node))
        if (alone and written and body_nodes) or (not alone and not shared.isdisjoint(written)):
            raise UnrecordableError("it writes to what all batches share")
        if alone:
            shared.add(node)
        else:
            body_nodes.append(node)
    output = next(n for n in graph.nodes if n.op == "output").args[0]
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


def _replace_convolution(graph: fx.Graph, node: fx.Node, kernels: Kernels) -> fx.Node:
    """A convolution, and the BatchNorm that alone uses it; returns what stands there now."""
    x, weight, bias, stride, padding, dilation, _, _, groups = _arguments(node)
    norm = _user_of(node, *NORMS)
    last = None if norm is None or _writes_between(node, norm) else _normalised_output(norm)
    if norm is not None and last is not None:
        gamma, beta, mean, variance = _arguments(norm)[1:5]
        dtype = weight.meta["val"].dtype
        with graph.inserting_before(norm):
            scale = graph.call_function(normaliser, (gamma, variance, norm.args[-1]))
            bias = graph.call_function(folded_bias, (bias, mean, scale, beta, dtype))
            weight = graph.call_function(folded_weight, (_uncast(weight), scale, dtype))
    arguments = (x, weight, bias, stride, padding, dilation, groups, NONE)
    return _replace(graph, last or node, kernels.convolution, arguments)


def _replace_linear(graph: fx.Graph, node: fx.Node, kernels: Kernels) -> fx.Node:
    bias, x, transposed = _linear_arguments(node)
    return _replace(graph, node, kernels.linear, (x, transposed.args[0], bias, NONE))


def _activate(graph: fx.Graph, made: fx.Node, kernels: Kernels) -> None:
    """Let a kernel apply the activation that alone uses what it makes, if need be in another shape."""
    last = made
    while (shaped := _user_of(last, *VIEWS)) is not None:
        last = shaped
    activation = _user_of(last, *kernels.activations)
    if activation is None:
        return
    algorithm = activation.kwargs.get("approximate", NONE) if _is(activation, aten.gelu.default) else ""
    made.args = (*made.args[:-1], f"{kernels.activations[activation.target]} {algorithm}".strip())
    activation.replace_all_uses_with(last)
    graph.erase_node(activation)


def _write_onto(made: fx.Node) -> None:
    """Let the sums and ReLUs that alone use what a kernel made write to its memory, one after the other."""
    while len(made.users) == 1:
        (user,) = made.users
        if _is(user, *RELUS):
            user.target = aten.relu_.default
        elif _is(user, aten.add.Tensor) and not user.kwargs and _same_kind(user, made):
            user.target = aten.add_.Tensor
            user.args = (made, user.args[1] if user.args[0] is made else user.args[0])
        elif not (_is(user, aten.add_.Tensor) and user.args[0] is made):
            return
        made = user


def _replace(graph: fx.Graph, last: fx.Node, function: Callable[..., Tensor], arguments: tuple[Any, ...]) -> fx.Node:
    """Put `function` in the place of `last` and of all that only led to it."""
    with graph.inserting_before(last):
        new = graph.call_function(function, arguments)
    new.meta["val"] = last.meta["val"]
    last.replace_all_uses_with(new)
    _erase(graph, last)
    return new


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


def _is_linear(node: fx.Node) -> bool:
    """Whether it is x weightᵀ, or that and one number for each output."""
    bias, _, transposed = _linear_arguments(node)
    fitting = bias is None or bias.meta["val"].shape == node.meta["val"].shape[1:]
    return _is(transposed, aten.t.default) and not node.kwargs and fitting


def _linear_arguments(node: fx.Node) -> tuple[Any, ...]:
    return node.args if len(node.args) == 3 else (None, *node.args)


def _writes_between(first: fx.Node, last: fx.Node) -> bool:
    """Whether anything is written on the way, so that the first may not move to the place of the last."""
    node = first.next
    while node is not last:
        if any(writes(node)):
            return True
        node = node.next
    return False


def _same_kind(one: fx.Node, other: fx.Node) -> bool:
    mine, its = one.meta["val"], other.meta["val"]
    return bool(mine.shape == its.shape and mine.dtype == its.dtype)


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
