"""A network run from its record: the same numbers to rounding, in fewer passes over memory."""

from __future__ import annotations

from typing import Any

from torch import Tensor, fx, nn
from torch.func import functional_call

from .fusion import fuse, split
from .kernels import Kernels
from .precision import lowered
from .tracing import UnrecordableError, recorded


class FusedNetwork:
    """Calls a network through its rearranged record, one for each shape of input, made when first met.

    model    the network; its parameters and buffers are read where they lie, so changes to them in place are seen
    kernels  what to put in place of its operations

    Raises
    ------
    UnrecordableError  when called: the network cannot be recorded, or nothing in it can be put together
    """

    def __init__(self, model: nn.Module, kernels: Kernels) -> None:
        self._model, self._kernels = model, kernels
        named = {**dict(model.named_parameters()), **dict(model.named_buffers())}
        self._names, self._state = list(named), [tensor.detach() for tensor in named.values()]
        self._device_type = self._state[0].device.type
        self._programs: dict[Any, tuple[fx.GraphModule, fx.GraphModule]] = {}
        self._values: dict[str, tuple[Tensor, ...]] = {}

    def moved(self) -> None:
        """To be called when parameters have changed: what depends on them alone is computed anew."""
        self._values.clear()

    def __call__(self, *args: Tensor, **kwargs: Tensor) -> Tensor:
        """The network's output tensor."""
        inputs = [*args, *kwargs.values()]
        prologue, body = self._program(len(args), tuple(kwargs), inputs)
        with lowered(None, self._device_type):  # autocast's casts are in the record, and no others belong there
            if prologue.code not in self._values:
                self._values[prologue.code] = prologue(*self._state)
            return body(*self._values[prologue.code], *inputs)

    def _program(
        self, count: int, keywords: tuple[str, ...], inputs: list[Tensor]
    ) -> tuple[fx.GraphModule, fx.GraphModule]:
        key = (count, keywords, tuple((t.shape, t.stride(), t.dtype) for t in inputs))
        if key not in self._programs:
            self._programs[key] = self._compiled(count, keywords, inputs)
        return self._programs[key]

    def _compiled(
        self, count: int, keywords: tuple[str, ...], inputs: list[Tensor]
    ) -> tuple[fx.GraphModule, fx.GraphModule]:
        size = len(self._state)

        def forward(*tensors: Tensor) -> Tensor:
            state = dict(zip(self._names, tensors[:size], strict=True))
            named = dict(zip(keywords, tensors[size + count :], strict=True))
            output = functional_call(self._model, state, tensors[size : size + count], named)
            if not isinstance(output, Tensor):
                raise UnrecordableError("it returns more than one tensor")
            return output

        graph = recorded(forward, [*self._state, *inputs])
        if fuse(graph, self._kernels) == 0:
            raise UnrecordableError("nothing in it can be put together")
        return split(graph, size)
