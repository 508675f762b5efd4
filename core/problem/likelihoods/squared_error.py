"""Squared error, as torch's MSELoss: a loss without a stated likelihood."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor, nn

from .protocol import Likelihood, Loss, Middle, stated_reduction


@dataclass(frozen=True)
class MeanSquaredError(Loss):
    """Mean over output dimensions of (f − y)², as torch's MSELoss: a loss without a stated likelihood.

    summed  the sum over output dimensions in place of the mean, as MSELoss(reduction="sum") has it
    """

    modules: ClassVar[tuple[type[nn.Module], ...]] = (nn.MSELoss,)
    by_name: ClassVar[bool] = True
    name: str = "mse"
    summed: bool = False
    notes: tuple[str, ...] = ()

    @classmethod
    def from_module(cls, module: Any) -> Likelihood:
        summed = module.reduction == "sum"
        return cls(summed=summed, notes=stated_reduction(module.reduction, reduced(summed)))

    def losses(self, outputs: Tensor, targets: Tensor) -> Tensor:
        squares = (outputs - targets).square()
        return squares.sum(1) if self.summed else squares.mean(1)

    def output_hessian(self, outputs: Tensor, targets: Tensor) -> Middle | None:
        size = 1 if self.summed else outputs[0].numel()
        return lambda u: 2 * u / size

    def details(self) -> dict[str, Any]:
        return {"summed": True} if self.summed else {}


def reduced(summed: bool) -> str:
    """The name of a loss over several output dimensions, as it is drawn."""
    over = "the sum" if summed else "the mean"
    return f"what is drawn is the mean over examples of {over} over output dimensions"
