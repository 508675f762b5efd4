"""Label sequences without an alignment: connectionist temporal classification (Graves et al. 2006)."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, replace
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ...checks import InputError
from .protocol import IGNORED, Likelihood, Loss

SECOND = "CTC has no second derivative in torch, so curvature of it is to be had by differences of gradients alone, if at all."


@dataclass(frozen=True, eq=False)
class CTC(Loss):
    """−ln p(labels | x) over all alignments, for log-probabilities (T, n, K), time first as torch has them, or (n, T, K).

    Targets (n, S): the labels of each example, filled up with the blank or −100. Every output is as long as T.

    Parameters
    ----------
    blank          the class that is no label
    divided        the loss is divided by the number of labels, as torch's reduction="mean" does
    zero_infinity  losses of labels that do not fit into T are 0 in place of infinite
    """

    modules: ClassVar[tuple[type[nn.Module], ...]] = (nn.CTCLoss,)
    name = "ctc"
    is_likelihood = True
    keeps_order = False

    blank: int = 0
    divided: bool = False
    zero_infinity: bool = False
    _: KW_ONLY
    time_first: bool = True
    notes: tuple[str, ...] = ()

    @classmethod
    def from_module(cls, module: Any) -> Likelihood:
        return cls(module.blank, module.reduction == "mean", module.zero_infinity)

    @property
    def states_loss(self) -> bool:
        return not self.divided

    def accepted(self, targets: Tensor) -> Tensor:
        if targets.is_floating_point() or targets.ndim != 2:
            raise InputError(
                f"Targets of CTC should be labels (n, S), filled up with the blank, but are {targets.dtype} of shape "
                f"{tuple(targets.shape)}: pad them, or write the loss with Problem.from_loss."
            )
        return targets.long().masked_fill(targets == IGNORED, self.blank)

    def settled(self, outputs: Any, targets: Tensor, every_target: Tensor) -> CTC:
        n = targets.shape[0]
        fits = [outputs.ndim == 3 and outputs.shape[dim] == n for dim in (1, 0)]
        if not any(fits):
            raise InputError(
                f"CTC expects log-probabilities of shape (T, n, K) or (n, T, K), but the outputs are {tuple(outputs.shape)}."
            )
        if not bool(((outputs.double().exp().sum(-1) - 1).abs() < 1e-3).all()):
            raise InputError(
                "CTC expects log-probabilities, but the outputs are none: end the network with log_softmax."
            )
        return replace(self, time_first=fits[0], notes=(*self.notes, SECOND))

    def target_rows(self, targets: Tensor) -> Tensor:
        return targets

    def flatten(self, outputs: Any, targets: Tensor) -> tuple[Any, Tensor]:
        return (outputs.movedim(1, 0) if self.time_first else outputs), targets

    def losses(self, outputs: Any, targets: Tensor) -> Tensor:
        lengths = (targets != self.blank).sum(1)
        found = self.negative_log_likelihoods(outputs, targets)
        return found / lengths.clamp(min=1) if self.divided else found

    def negative_log_likelihoods(self, outputs: Tensor, targets: Tensor) -> Tensor:
        lengths = (targets != self.blank).sum(1)
        times = torch.full((len(outputs),), outputs.shape[1], device=outputs.device)
        return F.ctc_loss(
            outputs.transpose(0, 1), targets, times, lengths, self.blank, "none", zero_infinity=self.zero_infinity
        )

    def details(self) -> dict[str, Any]:
        return {"blank": self.blank, "divided": self.divided, "zero_infinity": self.zero_infinity}
