"""A network as the engine calls it, where that is more than calling it: what the loss is of comes out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from .widened import widened

if TYPE_CHECKING:
    from .problem import Problem


class Adapted(nn.Module):
    """Calls `model` with what is the same for all examples filled in, on inputs that it may change, and takes out of what it
    returns what the loss is of, in float32 where it is in half precision; of a loss that calls the network itself, the losses come out.

    problem  says what is to be done
    model    the network, or a copy of it
    """

    def __init__(self, problem: Problem, model: nn.Module) -> None:
        super().__init__()
        self.model = model
        self._problem = problem

    def forward(self, *args: Tensor, **kwargs: Tensor) -> Any:
        """The outputs that the likelihood flattens."""
        problem = self._problem
        args = tuple(self._own(t) for t in args)
        kwargs = {k: self._own(t) for k, t in kwargs.items()}
        if problem.likelihood.sees == "network":
            return problem.likelihood.of(self.model, args)  # type: ignore[attr-defined]
        positional, named = filled(problem.fixed, args, kwargs)
        returned = self.model(*positional, **named)
        return widened(returned if problem.reader is None else problem.reader(returned))

    def _own(self, tensor: Tensor) -> Tensor:
        # a forward may ask for derivatives in its input, and so mark a tensor that is not its own
        return tensor.clone() if self._problem.changes_inputs else tensor.detach()


def filled(
    fixed: dict[str | int, Any], args: tuple[Tensor, ...], kwargs: dict[str, Tensor]
) -> tuple[list[Any], dict[str, Any]]:
    """The arguments of a call: examples' own, and what is the same for all of them at its place."""
    positional: list[Any] = list(args)
    for place in sorted(key for key in fixed if isinstance(key, int)):
        positional.insert(place, fixed[place])
    return positional, {**kwargs, **{key: value for key, value in fixed.items() if isinstance(key, str)}}


def without_fixed(inputs: Any) -> tuple[Any, dict[str | int, Any]]:
    """Inputs less those that are the same for every example (None, flags, numbers, texts), and these by their name or place.

    >>> without_fixed((torch.ones(2, 1), None, torch.zeros(2)))[1], without_fixed([0.5, 1.0])[1]
    ({1: None}, {})
    """
    if isinstance(inputs, Mapping):
        fixed: dict[str | int, Any] = {k: v for k, v in inputs.items() if _is_fixed(v)}
        return ({k: v for k, v in inputs.items() if k not in fixed}, fixed) if fixed else (inputs, {})
    if isinstance(inputs, (list, tuple)) and any(getattr(v, "ndim", 0) for v in inputs):
        same: dict[str | int, Any] = {place: v for place, v in enumerate(inputs) if _is_fixed(v)}
        return (type(inputs)(v for place, v in enumerate(inputs) if place not in same), same) if same else (inputs, {})
    return inputs, {}


def _is_fixed(thing: Any) -> bool:
    plain = thing is None or isinstance(thing, (bool, int, float, str))
    return plain or (isinstance(thing, Tensor) and thing.ndim == 0)


class KeepsGraph(TorchFunctionMode):
    """Derivatives that a network takes of itself keep their graph, so that they have derivatives in turn.

    Forces and residuals are often written with `create_graph=self.training`, which is off in evaluation; the gradient of
    such a loss would lose them without a word.

    >>> x = torch.tensor(2.0, requires_grad=True)
    >>> with KeepsGraph():
    ...     (slope,) = torch.autograd.grad(x**3, x)
    >>> torch.autograd.grad(slope, x)[0].item()  # 6x
    12.0
    """

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        if func is torch.autograd.grad:
            kwargs["create_graph"] = kwargs["retain_graph"] = True
        return func(*args[:3], **kwargs) if func is torch.autograd.grad else func(*args, **kwargs)
