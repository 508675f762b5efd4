"""A network's record with its state among what it is given: a placeholder for each parameter and buffer, then for each input."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor, fx, nn
from torch.func import functional_call

from .tracing import UnrecordableError, recorded


def network_record(
    model: nn.Module, state: Mapping[str, Tensor], args: Sequence[Tensor], kwargs: Mapping[str, Tensor]
) -> fx.Graph:
    """The operations of `model(*args, **kwargs)`: placeholders are those of `state`, `args` and `kwargs`, in this order.

    state  the model's parameters and buffers by name

    Raises
    ------
    UnrecordableError  the network cannot be recorded
    """
    size, count = len(state), len(args)

    def forward(*tensors: Tensor) -> Tensor:
        there = dict(zip(state, tensors[:size], strict=True))
        named = dict(zip(kwargs, tensors[size + count :], strict=True))
        output = functional_call(model, there, tensors[size : size + count], named)
        if not isinstance(output, Tensor):
            raise UnrecordableError("it returns more than one tensor")
        return output

    return recorded(forward, [*state.values(), *args, *kwargs.values()])


def state_of(model: nn.Module) -> dict[str, Tensor]:
    """Parameters and buffers by name, as they lie: changes to them in place are seen."""
    named = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    return {name: tensor.detach() for name, tensor in named.items()}
