"""A function of one's own, of whatever the network returns."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor, nn

from ...checks import InputError
from ..writes import copying_targets, written
from .protocol import Loss, PerExampleLoss
from .returned import giving_loss, loss_in


@dataclass(frozen=True)
class Custom(Loss):
    """A callable (outputs, targets) → per-example loss of shape (n,); nothing is assumed about probabilities.

    It is handed all that the network returns: a tensor, a tuple, a dict, a dataclass.
    """

    function: PerExampleLoss
    notes: tuple[str, ...] = ()
    name = "custom"
    sees = "everything"

    def settled(self, outputs: Any, targets: Tensor, every_target: Tensor) -> Custom:
        targets_copy = targets.clone()
        returned = self.function(outputs, targets_copy)
        losses = loss_in(returned, len(targets))
        if losses is not returned:
            return replace(self, function=giving_loss(self.function)).settled(outputs, targets, every_target)
        if isinstance(losses, Tensor) and losses.ndim == 0:
            return self._of_batches(outputs, targets, losses, written([targets_copy], [targets]))
        if not isinstance(losses, Tensor) or losses.shape != (targets.shape[0],):
            came = tuple(losses.shape) if isinstance(losses, Tensor) else type(losses).__name__
            raise InputError(
                f"The loss function should return one loss per example, shape ({targets.shape[0]},), but returned {came}: "
                "do not average inside it (reduction='none'), or let it return one number, the mean over the batch."
            )
        function = copying_targets(self.function) if written([targets_copy], [targets]) else self.function
        return replace(self, function=function, notes=(*self.notes, *_own_parameters(self.function)))

    def _of_batches(self, outputs: Any, targets: Tensor, losses: Tensor, writes: bool) -> Custom:
        from .batch_mean import ONE_NUMBER, BatchMean, require_mean

        function = copying_targets(self.function) if writes else self.function
        require_mean(function, outputs, targets, losses)
        return BatchMean(function, (*self.notes, ONE_NUMBER, *_own_parameters(self.function)))

    def target_rows(self, targets: Tensor) -> Tensor:
        return targets

    def law_rows(self, law: Tensor) -> Tensor:
        return law

    def flatten(self, outputs: Any, targets: Tensor) -> tuple[Any, Tensor]:
        return outputs, targets

    def losses(self, outputs: Any, targets: Tensor) -> Tensor:
        return self.function(outputs, targets)


def _own_parameters(function: Any) -> tuple[str, ...]:
    """A sentence where the loss is a module with trainable parameters."""
    if not isinstance(function, nn.Module) or not any(p.requires_grad for p in function.parameters()):
        return ()
    return (
        "The loss has trainable parameters of its own, which stay as they are: the landscape is over the network's.",
    )
