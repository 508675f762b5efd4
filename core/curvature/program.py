"""A network as a list of operations whose second-order rules are known, where there is such a list.

torch.fx follows the forward once. Everything that is not on the lists below (attention, recurrence, parametrisations, hooks,
BatchNorm on the batch's own statistics, a forward that looks at its numbers) makes the network "not understood", and its
derivatives are then taken by automatic differentiation alone. So does a program whose first outputs are not the network's
own (`LossFunction.check_program`).
"""

from __future__ import annotations

import math
import operator
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, fx, nn
from torch.nn import functional as F

from ..machine.random_state import drawing_from
from .affine_weights import Part, Weights
from .rules import BatchNormScale, Convolution, Linear, LinearMap, NotUnderstood, Pointwise, Rule, Sum

Values = Mapping[str, Tensor]

KINKED = {nn.ReLU, nn.LeakyReLU, nn.ReLU6, nn.Hardtanh, F.relu, torch.relu, F.leaky_relu, F.relu6, F.hardtanh, "relu"}
SMOOTH = {nn.Tanh, nn.Sigmoid, nn.GELU, nn.SiLU, nn.Softplus, torch.tanh, torch.sigmoid, F.tanh, F.sigmoid, F.gelu}
SMOOTH |= {F.silu, F.softplus, "tanh", "sigmoid"}
ADDED = {operator.add, torch.add, "add"}  # torch.fx notes `x += y` as x + y
POOLED = {nn.AvgPool2d, nn.AdaptiveAvgPool2d, F.avg_pool2d, F.adaptive_avg_pool2d}
VIEWED = {"view", "reshape"}
SHAPED = {nn.Flatten, nn.Unflatten, torch.flatten, "flatten", "unflatten"}
KEPT = {nn.Identity, nn.Dropout, nn.Dropout2d, F.dropout}
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)


@dataclass(frozen=True)
class Operation:
    """One step: which earlier values it takes, 0 the network's input, and how its rule is made at a point.

    moves  whether its output depends on a trainable parameter
    """

    inputs: tuple[int, ...]
    make: Callable[[Values], Rule]
    moves: bool


def program_of(model: nn.Module, names: Mapping[nn.Parameter, str], source: nn.Module) -> list[Operation] | None:
    """The operations of `model` in their order, the last one giving its output; None where one is not understood.

    Parameters
    ----------
    model   in eval mode, of one input
    names   of its trainable parameters
    source  what `model` is a copy of: its forward is followed once for all copies

    >>> model = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))
    >>> [step.inputs for step in program_of(model, {}, model)]
    [(0,), (1,), (2,)]
    >>> program_of(nn.LSTM(2, 3), {}, nn.LSTM(2, 3)) is None
    True
    """
    try:
        _require(not any(map(_altered, model.modules())))
        return _Reader(model, names).read(_followed(model, source))
    except NotUnderstood:
        return None


class _Tracer(fx.Tracer):
    """torch's own replaces Module.__call__ in all threads while it follows; the others' calls are let through."""

    def __init__(self) -> None:
        super().__init__()
        self._thread = threading.get_ident()

    def call_module(self, m: nn.Module, forward: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        if threading.get_ident() != self._thread:
            return forward(*args, **kwargs)
        return super().call_module(m, forward, args, kwargs)


_graphs: WeakKeyDictionary[nn.Module, tuple[Any, fx.Graph | None]] = WeakKeyDictionary()
_following = threading.Lock()  # two replacements at once would not be taken back in order


def _followed(model: nn.Module, source: nn.Module) -> fx.Graph:
    seen = [(name, type(m), {k: v for k, v in vars(m).items() if _is_plain(v)}) for name, m in model.named_modules()]
    with _following:
        cached = _graphs.get(source)
    if cached is None or cached[0] != seen:
        with drawing_from(0), _following:  # a forward that draws is followed too, and leaves no trace
            cached = _graphs[source] = (seen, _traced(model))
    if cached[1] is None:
        raise NotUnderstood
    return cached[1]


def _traced(model: nn.Module) -> fx.Graph | None:
    try:
        return _Tracer().trace(model)
    except Exception:  # whatever a forward raises that was not written to be followed
        return None


class _Reader:
    """Reads a graph into operations."""

    def __init__(self, model: nn.Module, names: Mapping[nn.Parameter, str]) -> None:
        self._model, self._names = model, names
        self._found: list[Operation] = []
        self._places: dict[fx.Node, int] = {}

    def read(self, graph: fx.Graph) -> list[Operation]:
        for node in graph.nodes:
            if node.op == "placeholder":
                _require(not self._places)
                self._places[node] = 0
            elif node.op == "output":
                _require(isinstance(node.args[0], fx.Node) and self._places.get(node.args[0]) == len(self._found) > 0)
            elif node not in self._places and not _is_size(node):
                self._place(node)
        return self._found

    def _place(self, node: fx.Node) -> None:
        module = self._module(node)
        kind = self._kind(node)
        first = next(iter(node.all_input_nodes), None)
        _require(first is not None and first in self._places)
        assert first is not None
        written = node.kwargs.get("inplace") or getattr(module, "inplace", False)
        _require(not written or self._is_seen_once(first))
        if kind in KEPT:
            _require(not (module.training if module is not None else _argument(node, 2, "training", True)))
            self._places[node] = self._places[first]
        elif kind in (nn.Conv2d, nn.Linear):
            self._affine(node, module)
        elif kind in NORMS:
            self._add(node, partial(_scale, self._normed(module)), self._trains(module))
        elif kind in ADDED:
            _require(len(node.args) == 2 and len(node.all_input_nodes) == 2 and not node.kwargs)
            self._add(node, lambda values: Sum())
        elif kind in KINKED or kind in SMOOTH:
            function = self._function(node, module)
            self._add(node, lambda values: Pointwise(function, kind in KINKED))
        else:
            at = self._linear(node, module, kind)
            self._add(node, lambda values: LinearMap(at))

    def _is_seen_once(self, node: fx.Node) -> bool:
        """Whether one operation alone looks at a value's memory, so that it may write there."""
        while sum(not _is_size(user) for user in node.users) == 1:
            if self._kind(node) not in KEPT | SHAPED | VIEWED:
                return True
            node = node.all_input_nodes[0]
        return False

    def _add(self, node: fx.Node, make: Callable[[Values], Rule], trains: bool = False) -> None:
        _require(all(source in self._places for source in node.all_input_nodes if not _is_size(source)))
        inputs = tuple(self._places[source] for source in node.all_input_nodes if not _is_size(source))
        moves = trains or any(place > 0 and self._found[place - 1].moves for place in inputs)
        self._found.append(Operation(inputs, make, moves))
        self._places[node] = len(self._found)

    def _affine(self, node: fx.Node, layer: Any) -> None:
        owners, norm = [layer], None
        behind = next(iter(node.users), None)
        if behind is not None and len(node.users) == 1 and type(self._module(behind)) in NORMS:
            norm = self._module(behind)
            owners.append(norm)
        weights = partial(self._weights, layer, None if norm is None else self._normed(norm))
        make = partial(_linear, weights)
        if isinstance(layer, nn.Conv2d):
            _require(layer.groups == 1 and layer.padding_mode == "zeros" and not isinstance(layer.padding, str))
            make = partial(_convolution, weights, layer)
        self._add(node, make, any(self._trains(owner) for owner in owners))
        if norm is not None and behind is not None:
            self._places[behind] = self._places[node]

    def _weights(self, layer: Any, norm: Callable[[Values], Normed] | None, values: Values) -> Weights:
        normed = None if norm is None else norm(values)
        parts = self._part(layer.weight, values), self._part(layer.bias, values)
        assert parts[0] is not None
        return Weights(parts[0], parts[1], *(() if normed is None else normed))

    def _normed(self, norm: Any) -> Callable[[Values], Normed]:
        _require(not norm.training and norm.running_mean is not None)

        def at(values: Values) -> Normed:
            deviation = (norm.running_var + norm.eps).sqrt()
            return self._part(norm.weight, values), self._part(norm.bias, values), (norm.running_mean, deviation)

        return at

    def _part(self, parameter: nn.Parameter | None, values: Values) -> Part | None:
        if parameter is None:
            return None
        name = self._names.get(parameter)
        return Part(name, parameter.data if name is None else values[name])

    def _trains(self, module: Any) -> bool:
        return any(parameter in self._names for parameter in module.parameters())

    def _module(self, node: fx.Node) -> Any:
        if node.op != "call_module":
            return None
        return self._model.get_submodule(str(node.target))

    def _kind(self, node: fx.Node) -> Any:
        """The type of a module, a function, or the name of a method."""
        module = self._module(node)
        return node.target if module is None else type(module)

    def _function(self, node: fx.Node, module: Any) -> Callable[[Tensor], Tensor]:
        """The operation as a function of its first argument, the others as they are."""
        _require(len(node.all_input_nodes) == 1)
        if module is not None:
            return lambda x: module(x)
        rest, named = node.args[1:], {k: v for k, v in node.kwargs.items() if k != "input"}
        if node.op == "call_method":
            return lambda x: getattr(x, str(node.target))(*rest, **named)
        target: Any = node.target
        return lambda x: target(x, *rest, **named)

    def _linear(self, node: fx.Node, module: Any, kind: Any) -> Callable[[Tensor], Callable[[Tensor], Tensor]]:
        if kind in (nn.MaxPool2d, F.max_pool2d, torch.max_pool2d):
            return _max_pool(node, module)
        if kind in VIEWED:
            sizes: Any = node.args[1] if isinstance(_argument(node, 1, "", None), tuple) else node.args[1:]
            _require(len(sizes) > 0 and (sizes[0] == -1 or _is_size(sizes[0])))
            _require(all(isinstance(n, int) for n in sizes[1:]))
            return partial(_reshape, sizes[1:])
        function = self._function(node, module)
        if kind in SHAPED:
            start = (
                getattr(module, "start_dim", getattr(module, "dim", None))
                if module
                else _argument(node, 1, "start_dim", 0)
            )
            _require(isinstance(start, int) and start != 0)
        elif kind in (torch.mean, "mean"):
            over = _argument(node, 1, "dim", None)
            over = [over] if isinstance(over, int) else over
            _require(over is not None and (all(d > 0 for d in over) or sorted(over) in ([-1], [-2, -1])))
        else:
            _require(kind in POOLED)
        return lambda x: function


Normed = tuple[Part | None, Part | None, tuple[Tensor, Tensor]]


def _require(holds: bool) -> None:
    if not holds:
        raise NotUnderstood


def _altered(module: nn.Module) -> bool:
    """Whether a module does something else than its class says."""
    hooks = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    return "forward" in vars(module) or any(getattr(module, name) for name in hooks)


def _is_plain(value: Any) -> bool:
    """Whether a value can be compared: numbers, texts, and sequences of them."""
    return isinstance(value, (int, float, str)) or (isinstance(value, (tuple, list)) and all(map(_is_plain, value)))


def _is_size(node: Any) -> bool:
    """Whether a node is a number of examples and no value: x.size(0), x.shape[0] …"""
    if not isinstance(node, fx.Node):
        return False
    if node.op == "call_method" and node.target == "size":
        return True
    if node.target is getattr:
        return node.args[1] == "shape"
    return node.target is operator.getitem and _is_size(node.args[0])


def _argument(node: fx.Node, place: int, name: str, default: Any) -> Any:
    return node.args[place] if len(node.args) > place else node.kwargs.get(name, default)


def _linear(weights: Callable[[Values], Weights], values: Values) -> Rule:
    return Linear(weights(values))


def _convolution(weights: Callable[[Values], Weights], layer: nn.Conv2d, values: Values) -> Rule:
    assert not isinstance(layer.padding, str)
    return Convolution(weights(values), list(layer.stride), list(layer.padding), list(layer.dilation))


def _scale(normed: Callable[[Values], Normed], values: Values) -> Rule:
    return BatchNormScale(*normed(values))


def _reshape(sizes: tuple[int, ...], x: Tensor) -> Callable[[Tensor], Tensor]:
    """Each example in the shape `sizes`, where it has as many numbers; one of them may be −1, the rest."""
    each, whole = x[0].numel(), math.prod(sizes)
    _require(each == whole or (whole < 0 and each % whole == 0))
    return lambda t: t.reshape(len(t), *sizes)


def _max_pool(node: fx.Node, module: Any) -> Callable[[Tensor], Callable[[Tensor], Tensor]]:
    names = ("kernel_size", "stride", "padding", "dilation", "ceil_mode", "return_indices")
    defaults = (None, None, 0, 1, False, False)
    if module is not None:
        how = {name: getattr(module, name) for name in names}
    else:
        how = {n: _argument(node, k + 1, n, d) for k, (n, d) in enumerate(zip(names, defaults, strict=True))}
    _require(not how.pop("return_indices") and len(node.all_input_nodes) == 1)

    def at(x: Tensor) -> Callable[[Tensor], Tensor]:
        _require(x.ndim == 4)
        pooled, places = F.max_pool2d(x, **how, return_indices=True)

        def chosen(t: Tensor) -> Tensor:
            same = places.flatten(2).repeat_interleave(len(t) // len(places), 0)
            return t.flatten(2).gather(2, same).unflatten(2, pooled.shape[2:])

        return chosen

    return at
