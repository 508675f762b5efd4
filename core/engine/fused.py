"""A network run from its record: the same numbers to rounding, in fewer passes over memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor, fx, nn

from .fusion import fuse, split
from .kernels import Kernels
from .network_record import network_record, state_of
from .precision import lowered
from .tracing import UnrecordableError


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
        self._state = state_of(model)
        self._device_type = next(iter(self._state.values())).device.type
        self._programs: dict[Any, tuple[fx.GraphModule, fx.GraphModule]] = {}
        self._values: dict[str, tuple[Tensor, ...]] = {}

    def moved(self) -> None:
        """To be called when parameters have changed: what depends on them alone is computed anew."""
        self._values.clear()

    def __call__(self, *args: Tensor, **kwargs: Tensor) -> Tensor:
        """The network's output tensor."""
        inputs = [*args, *kwargs.values()]
        prologue, body = self._program(args, kwargs)
        with lowered(None, self._device_type):  # autocast's casts are in the record, and no others belong there
            if prologue.code not in self._values:
                self._values[prologue.code] = prologue(*self._state.values())
            return body(*self._values[prologue.code], *inputs)

    def _program(self, args: Sequence[Tensor], kwargs: Mapping[str, Tensor]) -> tuple[fx.GraphModule, fx.GraphModule]:
        inputs = (*args, *kwargs.values())
        key = (len(args), tuple(kwargs), tuple((t.shape, t.stride(), t.dtype) for t in inputs))
        if key not in self._programs:
            graph = network_record(self._model, self._state, args, kwargs)
            if fuse(graph, self._kernels) == 0:
                raise UnrecordableError("nothing in it can be put together")
            self._programs[key] = split(graph, len(self._state))
        return self._programs[key]
