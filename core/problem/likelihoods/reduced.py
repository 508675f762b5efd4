"""Loss modules that are understood by their convention alone: `reduction` says how their parts become one number."""

from __future__ import annotations

import copy
import inspect
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from ...checks import InputError
from .custom import Custom
from .protocol import IGNORED, stated_reduction
from .squared_error import reduced

REDUCTIONS = ("mean", "sum", "none")


def follows_convention(loss: Any) -> bool:
    """Whether `loss` is a module with a `reduction` as torch's losses have it.

    >>> follows_convention(nn.SoftMarginLoss()), follows_convention(nn.Linear(1, 1))
    (True, False)
    """
    return isinstance(loss, nn.Module) and getattr(loss, "reduction", None) in REDUCTIONS


@dataclass(frozen=True)
class Reduced(Custom):
    """One of torch's margin and embedding losses, or a module written like them: its parts, one row per example.

    A network that returns several tensors has them handed over in their order, before the targets; a loss that takes no more
    than those (TripletMarginLoss) has no use for targets. The mean of an example's parts is its loss; their sum, for "sum".

    function  the module with reduction="none"
    module    the module as it was given
    """

    module: Any = None

    @classmethod
    def of(cls, module: Any) -> Reduced:
        parts = copy.copy(module)
        parts.reduction = "none"
        said = (
            () if module.reduction == "none" else stated_reduction(module.reduction, reduced(module.reduction == "sum"))
        )
        return cls(parts, said, module)

    def settled(self, outputs: Any, targets: Tensor, every_target: Tensor) -> Reduced:
        parts = _called(self.function, outputs, targets)
        if not isinstance(parts, Tensor) or parts.ndim == 0 or len(parts) != len(targets):
            raise self._not_understood("does not give one row of losses per example with reduction='none'")
        if getattr(self.module, "weight", None) is not None and not _is_torchs(self.module):
            raise self._not_understood("has class weights, and what they are divided by is its own")
        if bool((every_target == getattr(self.module, "ignore_index", IGNORED)).any()):
            raise self._not_understood("ignores some targets, and whether they count in its mean is its own")
        if self.module.reduction != "none":
            stated, found = _called(self.module, outputs, targets), getattr(parts, self.module.reduction)()
            if stated.numel() != 1 or not torch.allclose(
                stated.reshape(()), found, rtol=1e-3, atol=1e-6, equal_nan=True
            ):
                raise self._not_understood(f"is not the {self.module.reduction} of what it gives with reduction='none'")
        return replace(self, notes=(*self.notes, *self._unused(outputs)))

    def losses(self, outputs: Any, targets: Tensor) -> Tensor:
        parts = _called(self.function, outputs, targets).reshape(targets.shape[0], -1)
        return parts.sum(1) if self.module.reduction == "sum" else parts.mean(1)

    def details(self) -> dict[str, Any]:
        plain = {
            k: v for k, v in vars(self.module).items() if isinstance(v, (int, float, str, bool)) and k != "training"
        }
        return plain | {"module": type(self.module).__qualname__}

    def _unused(self, outputs: Any) -> tuple[str, ...]:
        if isinstance(outputs, (tuple, list)) and _places(self.module) == len(outputs):
            return (
                f"The targets are not used: {type(self.module).__name__} is of the network's {len(outputs)} outputs alone.",
            )
        return ()

    def _not_understood(self, why: str) -> InputError:
        return InputError(
            f"The loss {type(self.module).__name__} {why}: give a function (outputs, targets) → losses of shape (n,), or "
            "Problem.from_loss(model, data, loss) with the mean and the number that it is the mean of."
        )


def _called(module: Any, outputs: Any, targets: Tensor) -> Any:
    if isinstance(outputs, (tuple, list)):
        places = _places(module)
        if places == len(outputs):
            return module(*outputs)
        return module(*outputs, targets) if places == len(outputs) + 1 else module(outputs, targets)
    if isinstance(outputs, Tensor) and _same_numbers(outputs, targets):
        outputs = outputs.reshape(targets.shape)  # (n, 1) against (n,) would broadcast to n × n without a word
    return module(outputs, targets)


def _places(module: Any) -> int:
    """How many tensors it takes."""
    found = inspect.signature(module.forward).parameters.values()
    return sum(p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD for p in found)


def _same_numbers(outputs: Tensor, targets: Tensor) -> bool:
    trimmed = [[s for s in t.shape[1:] if s != 1] for t in (outputs, targets)]
    return outputs.shape != targets.shape and outputs.shape[:1] == targets.shape[:1] and trimmed[0] == trimmed[1]


def _is_torchs(module: Any) -> bool:
    return type(module).__module__.partition(".")[0] == "torch" and not isinstance(
        module, (nn.CrossEntropyLoss, nn.NLLLoss)
    )
