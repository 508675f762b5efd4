"""A network as a chain of layers whose hidden units can be put in any order without a change of what it computes.

torch.fx follows the forward once. A chain is linear layers and convolutions, one after another, with what acts on every unit or
channel alone between them: activations, BatchNorm, pooling, dropout; and a flattening. What comes behind the last layer may be
anything. A sum of two branches, attention, recurrence or a layer used twice ties units together in other ways: such networks
are refused.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator
from dataclasses import dataclass, field

import torch
from torch import fx, nn
from torch.nn import functional as F

from ..checks import InputError, first_line
from ..problem.problem import Problem

LAYERS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
POINTWISE = (
    nn.ReLU,
    nn.LeakyReLU,
    nn.ReLU6,
    nn.ELU,
    nn.SELU,
    nn.Tanh,
    nn.Hardtanh,
    nn.Sigmoid,
    nn.GELU,
    nn.SiLU,
    nn.Softplus,
)
POOLS = (nn.MaxPool1d, nn.MaxPool2d, nn.AvgPool1d, nn.AvgPool2d, nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d)
STILL = (nn.Identity, nn.Dropout, nn.Dropout2d)
FUNCTIONS = {
    F.relu,
    F.leaky_relu,
    F.elu,
    F.gelu,
    F.silu,
    F.tanh,
    F.sigmoid,
    F.softplus,
    F.dropout,
    F.max_pool2d,
    F.avg_pool2d,
}
FUNCTIONS |= {F.adaptive_avg_pool2d, torch.relu, torch.tanh, torch.sigmoid, F.max_pool1d, F.avg_pool1d}
METHODS = {"relu", "tanh", "sigmoid"}
SHAPES = {"size"}  # what is asked of a tensor's shape alone
WHAT = "Weight matching is defined for chains of linear layers and convolutions with activations, BatchNorm and pooling between them"


@dataclass
class ChainLayer:
    """One layer of the chain.

    weight   name of its weight, whose dimension 0 is its units, and 1 the units before
    beside   names of what has one number for each unit: bias, BatchNorm's scale and shift
    statistics   of buffers with one number for each unit
    units    their number
    """

    weight: str
    units: int
    beside: list[str] = field(default_factory=list)
    statistics: list[str] = field(default_factory=list)


def chain_of(problem: Problem) -> list[ChainLayer]:
    """The layers of a problem's network in their order.

    Raises
    ------
    InputError  the network is no chain, which is said with what stands in the way

    >>> problem = Problem(nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1)), torch.ones(2, 2), torch.ones(2, 1), "mse")
    >>> [(layer.weight, layer.units, layer.beside) for layer in chain_of(problem)]
    [('0.weight', 3, ['0.bias']), ('2.weight', 1, ['2.bias'])]
    """
    model = problem.working_copy()
    try:
        graph = fx.Tracer().trace(model)
    except Exception as error:  # a forward that looks at its numbers says what it likes
        raise _refused(f"its forward cannot be followed ({first_line(error)})") from error
    layers = list(_layers(graph, model))
    if len(layers) < 2:
        raise _refused("it has no hidden layer")
    owned = problem.parameters
    for name in (name for layer in layers for name in (layer.weight, *layer.beside)):
        if name not in owned:
            raise _refused(f"'{name}' is no parameter of this landscape, and would have to be moved too")
    return layers


def _layers(graph: fx.Graph, model: nn.Module) -> Iterator[ChainLayer]:
    """The layers; the chain ends with the last of them."""
    nodes = [node for node in graph.nodes if node.op not in ("placeholder", "output")]
    inputs = [node for node in graph.nodes if node.op == "placeholder"]
    if len(inputs) != 1:
        raise _refused("it takes several inputs")
    modules = dict(model.named_modules())
    last = max((i for i, n in enumerate(nodes) if _module(n, modules, LAYERS)), default=-1)
    value, layer, used = inputs[0], None, set[str]()
    for node in nodes[: last + 1]:
        if _of_shapes(node):
            continue
        if not node.args or node.args[0] is not value or sum(_is_value(a) for a in node.all_input_nodes) != 1:
            raise _refused(f"'{node.name}' takes something else than what comes right before it")
        module = _module(node, modules, LAYERS)
        if node.op == "call_module" and _has_parameters(modules[str(node.target)]):
            if str(node.target) in used:
                raise _refused(f"'{node.target}' is used twice")
            used.add(str(node.target))
        if module is not None:
            if layer is not None:
                yield layer
            layer = _layer(str(node.target), module)
        # what is before the first layer stays as it is
        elif layer is not None and not _lets_pass(node, modules, layer):
            raise _refused(f"'{node.name}' is none of these")
        value = node
    if layer is not None:
        yield layer


def _layer(name: str, module: nn.Module) -> ChainLayer:
    if getattr(module, "groups", 1) != 1:
        raise _refused(f"'{name}' is cut into groups")
    units = int(module.weight.shape[0])  # type: ignore[index]
    return ChainLayer(f"{name}.weight", units, [f"{name}.bias"] if module.bias is not None else [])


def _lets_pass(node: fx.Node, modules: dict[str, nn.Module], layer: ChainLayer) -> bool:
    """Whether a step treats every unit alone, or flattens; BatchNorm's numbers are noted in the layer before it."""
    norm = _module(node, modules, NORMS)
    if norm is not None:
        name = str(node.target)
        layer.beside += [f"{name}.{n}" for n, p in norm.named_parameters(recurse=False) if p.numel()]
        layer.statistics += [f"{name}.{n}" for n, b in norm.named_buffers(recurse=False) if b.ndim == 1]
        return int(norm.num_features) == layer.units  # type: ignore[arg-type]
    if _module(node, modules, (*POINTWISE, *POOLS, *STILL)) is not None or _flattens(node, modules):
        return True
    return bool(
        node.target in (FUNCTIONS if node.op == "call_function" else METHODS if node.op == "call_method" else ())
    )


def _flattens(node: fx.Node, modules: dict[str, nn.Module]) -> bool:
    """Whether a step lays all but the first dimension flat, channels outermost."""
    module = _module(node, modules, (nn.Flatten,))
    if module is not None:
        return bool((module.start_dim, module.end_dim) == (1, -1))
    if node.target in (torch.flatten, "flatten"):
        given = (*node.args[1:], *node.kwargs.values())
        return given in ((1,), (1, -1))
    return bool(node.target in ("view", "reshape") and len(node.args) == 3 and node.args[2] == -1)


def _module(node: fx.Node, modules: dict[str, nn.Module], kinds: tuple[type[nn.Module], ...]) -> nn.Module | None:
    """The module that a step calls, where it is one of these themselves: a class derived from one may do anything."""
    module = modules.get(str(node.target)) if node.op == "call_module" else None
    return module if module is not None and type(module) in kinds else None


def _of_shapes(node: fx.Node) -> bool:
    """Whether a step only asks for a shape, or for a number of one."""
    if node.op == "call_method":
        return node.target in SHAPES
    if node.op == "call_function" and node.target is getattr:
        return node.args[1] == "shape"
    inside = node.op == "call_function" and node.target is operator.getitem
    return inside and isinstance(node.args[0], fx.Node) and _of_shapes(node.args[0])


def _is_value(node: fx.Node) -> bool:
    return not _of_shapes(node)


def _has_parameters(module: nn.Module) -> bool:
    return next(module.parameters(), None) is not None


def _refused(why: str) -> InputError:
    return InputError(f"{WHAT}, and this network is none, as {why}: compare the two as they are, without alignment.")
