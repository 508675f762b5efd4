"""Absolute and Huber's losses, as torch has them: no stated likelihood (Huber 1964)."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar

from torch import Tensor, nn
from torch.nn import functional as F

from .protocol import Likelihood, Loss, stated_reduction
from .squared_error import reduced


@dataclass(frozen=True, eq=False)
class Robust(Loss):
    """|f − y|, or a parabola near 0 that goes over into it; the mean over output dimensions.

    Parameters
    ----------
    name   "l1", "smooth_l1" (beta) or "huber" (delta)
    width  where the parabola ends, in the targets' unit
    summed  the sum over output dimensions in place of the mean

    >>> import torch
    >>> Robust("huber", 1.0).losses(torch.tensor([[3.0]]), torch.tensor([[0.0]])).item()  # 3 − ½
    2.5
    """

    modules: ClassVar[tuple[type[nn.Module], ...]] = (nn.L1Loss, nn.SmoothL1Loss, nn.HuberLoss)
    name: str = "l1"
    width: float = 1.0
    summed: bool = False
    _: KW_ONLY
    notes: tuple[str, ...] = ()

    @classmethod
    def from_module(cls, module: Any) -> Likelihood:
        name = {nn.SmoothL1Loss: "smooth_l1", nn.HuberLoss: "huber"}.get(type(module), "l1")
        width = getattr(module, "delta", getattr(module, "beta", 1.0))
        summed = module.reduction == "sum"
        return cls(name, width, summed, notes=stated_reduction(module.reduction, reduced(summed)))

    def losses(self, outputs: Any, targets: Tensor) -> Tensor:
        if self.name == "l1":
            each = F.l1_loss(outputs, targets, reduction="none")
        elif self.name == "huber":
            each = F.huber_loss(outputs, targets, reduction="none", delta=self.width)
        else:
            each = F.smooth_l1_loss(outputs, targets, reduction="none", beta=self.width)
        return each.sum(1) if self.summed else each.mean(1)

    def details(self) -> dict[str, Any]:
        return {"width": self.width, "summed": self.summed}
