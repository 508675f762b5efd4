"""Records what a network computes as a list of torch's own operations, so that they can be rearranged.

The record is made while the network runs on one batch. A forward that looks at the values it computes, goes through
numpy, draws random numbers, or writes to its buffers or inputs is refused. (`make_fx` records too, but loads the whole
compiler first, which takes a second.)
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, fx
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.weak import WeakIdKeyDictionary

aten = torch.ops.aten
LOOKS = ("numpy", "tolist", "item", "data_ptr", "storage", "untyped_storage", "__array__", "__dlpack__")
LOOKING_TAGS = (torch.Tag.data_dependent_output, torch.Tag.dynamic_output_shape)
# look at their argument's memory, though their signatures do not say so
HIDDEN_VIEWS = (aten.unsafe_split.Tensor, aten.unsafe_split_with_sizes.default, aten._unsafe_view.default)
# the place of the flag that asks for the statistics of the batch itself
NORMS_IN_TRAINING = {aten.native_batch_norm.default: 5, aten.cudnn_batch_norm.default: 5}


class UnrecordableError(Exception):
    """The network is more than a fixed list of operations from weights and inputs to outputs."""


def recorded(function: Callable[..., Tensor], tensors: Sequence[Tensor]) -> fx.Graph:
    """The operations of `function(*tensors)`, which returns one tensor, as a graph with one placeholder for each tensor.

    Each node's meta["val"] is a tensor of its shape and precision without numbers.

    Raises
    ------
    UnrecordableError  where the record would not be the same computation for other values of the tensors

    >>> graph = recorded(lambda x, w: (x * w).relu(), [torch.ones(3, 2), torch.ones(2)])
    >>> [str(node.target) for node in graph.nodes if node.op == "call_function"]
    ['aten.mul.Tensor', 'aten.relu.default']
    >>> recorded(lambda x: x if x.sum() > 0 else -x, [torch.ones(2)])
    Traceback (most recent call last):
    ...
    lossnav.core.engine.tracing.UnrecordableError: its course depends on the values it computes
    """
    recorder, states = _Recorder(), _random_states(tensors)
    with torch.inference_mode(False), torch.no_grad():  # inference mode would show composite operations whole
        given = [recorder.given(tensor) for tensor in tensors]
        with _Blindfold(recorder), recorder:
            output = function(*given)
    if not all(map(torch.equal, states, _random_states(tensors))):
        recorder.refuse("it draws random numbers")
    graph = recorder.finished(output)
    graph.eliminate_dead_code()
    return graph


def _random_states(tensors: Sequence[Tensor]) -> list[Tensor]:
    devices = {tensor.device for tensor in tensors if tensor.is_cuda}
    return [torch.get_rng_state(), *(torch.cuda.get_rng_state(device) for device in devices)]


def writes(node: fx.Node) -> Iterator[fx.Node]:
    """The nodes whose memory an operation writes to."""
    for value, info in _aliases(node):
        if info.is_write:
            yield source(value)


def source(node: fx.Node) -> fx.Node:
    """The node whose memory this one looks at: itself, unless it is a view or an in-place operation."""
    while True:
        looking: Any = node.args[0] if node.target is operator.getitem else node
        looked_at = looking.args[0] if looking.target in HIDDEN_VIEWS else next((v for v, _ in _aliases(looking)), None)
        if looked_at is None:
            return node
        node = looked_at


class _Recorder(TorchDispatchMode):
    """Notes every operation on tensors that passes while it is entered."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # the wrapper that torch would put around this class loads the compiler

    def __init__(self) -> None:
        super().__init__()
        self._graph = fx.Graph()
        self._nodes = WeakIdKeyDictionary()
        self._reason = ""  # a forward may swallow an error, but the record is lost all the same

    def given(self, tensor: Tensor) -> Tensor:
        tensor = tensor.view_as(tensor)  # two arguments may be one tensor, and are two placeholders
        self._note(tensor, self._graph.placeholder(f"given{len(self._nodes)}"))
        return tensor

    def finished(self, output: Tensor) -> fx.Graph:
        node = self._node(output)
        if self._reason:
            raise UnrecordableError(self._reason)
        self._graph.output(node)
        return self._graph

    def refuse(self, reason: str) -> None:
        self._reason = self._reason or reason

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        noted = fx.node.map_aggregate((tuple(args), dict(kwargs or {})), self._noted)
        result = func(*args, **(kwargs or {}))
        node = self._graph.call_function(func, *noted)
        self.refuse(_fault(node))
        if isinstance(result, Tensor):
            self._note(result, node)
        elif isinstance(result, (tuple, list)):
            for index, each in enumerate(result):
                if isinstance(each, Tensor):
                    self._note(each, self._graph.call_function(operator.getitem, (node, index)))
        return result

    def _noted(self, value: Any) -> Any:
        return self._node(value) if isinstance(value, Tensor) else value

    def _node(self, tensor: Tensor) -> fx.Node | None:
        if tensor not in self._nodes:
            self.refuse("it uses a tensor that is neither weight, buffer nor input")
            return None
        return self._nodes[tensor]

    def _note(self, tensor: Tensor, node: fx.Node) -> None:
        node.meta["val"] = torch.empty(tensor.shape, dtype=tensor.dtype, device="meta")
        self._nodes[tensor] = node


class _Blindfold(TorchFunctionMode):
    """Notices where values leave torch for Python or numpy."""

    def __init__(self, recorder: _Recorder) -> None:
        super().__init__()
        self._recorder = recorder

    def __torch_function__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        name = getattr(func, "__name__", "")
        if name in LOOKS:
            self._recorder.refuse("its course depends on the values it computes")
        elif name == "__set__":  # weight.data = …, which no operation shows
            self._recorder.refuse("it gives a tensor other memory")
        return func(*args, **(kwargs or {}))


def _aliases(node: Any) -> Iterator[tuple[fx.Node, Any]]:
    schema = getattr(node.target, "_schema", None)
    for position, argument in enumerate(() if schema is None else schema.arguments):
        if argument.alias_info is None:
            continue
        value = node.args[position] if position < len(node.args) else node.kwargs.get(argument.name)
        for each in value if isinstance(value, (list, tuple)) else (value,):
            if isinstance(each, fx.Node):
                yield each, argument.alias_info


def _fault(node: fx.Node) -> str:
    """Why an operation cannot be part of a record; empty where it can."""
    tags = getattr(node.target, "tags", ())
    if any(tag in tags for tag in LOOKING_TAGS):
        return "its course depends on the values it computes"
    if any(written.op == "placeholder" for written in writes(node)):
        return "it writes to its buffers or inputs"
    if node.target in NORMS_IN_TRAINING and node.args[NORMS_IN_TRAINING[node.target]]:
        return "it normalises by the statistics of the batch"
    return ""
