"""Two outcomes, or several labels that may each be there or not: −ln p of what is (Cox 1958)."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, replace
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ...checks import InputError, known
from .protocol import Likelihood, Loss, Middle, categorical_entropies, same_values, stated_reduction

OUTPUTS = ("logits", "probabilities")
ENOUGH = 8  # outputs, from which all of them between 0 and 1 are no chance


@dataclass(frozen=True, eq=False)
class Bernoulli(Loss):
    """−y ln p − (1 − y) ln(1 − p), p = sigmoid(z), for each output by itself; targets are 0 or 1, or between.

    Every output is a prediction: of several labels (n, C), N = n C, so that the loss is torch's own mean over all numbers.

    Parameters
    ----------
    outputs     "logits" or "probabilities"; None: logits, and outputs that all lie between 0 and 1 are refused
    pos_weight  weight of the positive part, of the shape that torch's BCEWithLogitsLoss takes: (C,), or one number
    weight      weight of each output, (C,) or of the shape of one example's outputs; not divided by

    >>> Bernoulli().losses(torch.zeros(2), torch.tensor([0.0, 1.0])).exp().tolist()  # a coin
    [2.0, 2.0]
    """

    modules: ClassVar[tuple[type[nn.Module], ...]] = (nn.BCEWithLogitsLoss, nn.BCELoss)
    by_name: ClassVar[bool] = True
    name = "bernoulli"
    is_likelihood = True
    is_categorical = True

    outputs: str | None = None
    pos_weight: Tensor | None = None
    weight: Tensor | None = None
    _: KW_ONLY
    shape: tuple[int, ...] = ()  # of one example's outputs
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.outputs is not None:
            known(self.outputs, OUTPUTS, "outputs of Bernoulli")

    @classmethod
    def from_module(cls, module: Any) -> Likelihood:
        probabilities = isinstance(module, nn.BCELoss)
        said = stated_reduction(module.reduction, "what is drawn is the mean over all outputs")
        positive = getattr(module, "pos_weight", None)
        return cls("probabilities" if probabilities else None, positive, module.weight, notes=said)

    @property
    def states_loss(self) -> bool:
        return self.pos_weight is None and self.weight is None

    def accepted(self, targets: Tensor) -> Tensor:
        targets = targets if targets.is_floating_point() else targets.to(torch.get_default_dtype())
        if bool(((targets < 0) | (targets > 1)).any()):
            raise InputError(
                "Targets of a Bernoulli likelihood should be 0 or 1, or between, but run from "
                f"{float(targets.min()):g} to {float(targets.max()):g}: use loss='cross_entropy' for several classes."
            )
        return targets

    def settled(self, outputs: Any, targets: Tensor, every_target: Tensor) -> Bernoulli:
        same_values(outputs, targets)
        inside = bool(((outputs >= 0) & (outputs <= 1)).all())
        if self.outputs is None and inside and outputs.numel() >= ENOUGH:
            raise InputError(
                "The outputs all lie between 0 and 1 and look like probabilities, but this loss expects logits: let the "
                "network end before its sigmoid, or say loss=Bernoulli(outputs='probabilities'); Bernoulli(outputs='logits') "
                "takes them as logits all the same."
            )
        if self.outputs == "probabilities" and not inside:
            raise InputError("The outputs should be probabilities, but lie outside 0 to 1: give the network's sigmoid.")
        shape = tuple(outputs.shape[1:])
        for name in ("pos_weight", "weight"):
            tensor = getattr(self, name)
            if tensor is not None and not _fits(tensor, shape):
                raise InputError(
                    f"{name} should have the shape of one example's outputs, {shape}, but has {tuple(tensor.shape)}: a "
                    "weight for each example is part of the data; write such a loss as a function."
                )
        said = "The loss is the binary cross-entropy of each output, a prediction each."
        weighted = (
            [] if self.states_loss else ["Perplexity and Fisher are those of the probabilities, without weights."]
        )
        return replace(self, shape=shape, notes=(*self.notes, said, *weighted))

    def class_count(self, outputs: Any, targets: Tensor) -> int:
        return 2

    def prediction_count(self, targets: Tensor) -> int:
        return targets.numel()

    def target_rows(self, targets: Tensor) -> Tensor:
        return targets.reshape(-1)

    def law_rows(self, law: Tensor) -> Tensor:
        return law.reshape(-1)

    def flatten(self, outputs: Any, targets: Tensor) -> tuple[Any, Tensor]:
        return outputs.reshape(-1), targets.reshape(-1).to(outputs.dtype)

    def losses(self, outputs: Any, targets: Tensor) -> Tensor:
        weight, positive = (self._spread(w, outputs) for w in (self.weight, self.pos_weight))
        if self.outputs == "probabilities":
            return F.binary_cross_entropy(outputs, targets, weight, reduction="none")
        return F.binary_cross_entropy_with_logits(outputs, targets, weight, reduction="none", pos_weight=positive)

    def negative_log_likelihoods(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return replace(self, weight=None, pos_weight=None).losses(outputs, targets)

    def divergences(self, outputs: Tensor, law: Tensor) -> Tensor:
        p = _both(law)
        return (torch.special.xlogy(p, p) - p * self.class_logits(outputs).log_softmax(-1)).sum(-1)

    def check_law(self, law: Tensor) -> None:
        self.accepted(law)

    def law_entropy(self, law: Tensor) -> float:
        return float(categorical_entropies(_both(law)).mean())

    def target_entropy(self, targets: Tensor) -> float:
        return float(categorical_entropies(_both(targets.double().reshape(-1))).mean())

    def class_logits(self, outputs: Tensor) -> Tensor:
        if self.outputs == "probabilities":
            return _both(outputs).clamp_min(torch.finfo(outputs.dtype).tiny).log()
        return torch.stack([torch.zeros_like(outputs), outputs], -1)

    def labels(self, targets: Tensor) -> Tensor:
        return (targets > 0.5).long()

    def example_labels(self, targets: Tensor) -> Tensor | str:
        if targets[0].numel() != 1:
            return "each example has several labels"
        return self.labels(targets.reshape(-1))

    def entropies(self, outputs: Tensor) -> Tensor:
        return categorical_entropies(self.class_logits(outputs).softmax(-1))

    def sample(self, outputs: Any, targets: Tensor, generator: torch.Generator) -> Tensor:
        p = outputs.double() if self.outputs == "probabilities" else outputs.double().sigmoid()
        below = torch.rand(outputs.shape, generator=generator, dtype=torch.float64).to(p.device)
        return (below < p).to(targets).reshape(targets.shape)

    def output_hessian(self, outputs: Tensor, targets: Tensor) -> Middle | None:
        return self.output_fisher(outputs) if self.states_loss and self.outputs != "probabilities" else None

    def output_fisher(self, outputs: Tensor) -> Middle:
        z = outputs.detach()
        p = z if self.outputs == "probabilities" else z.sigmoid()
        variance = p * (1 - p)
        if self.outputs == "probabilities":
            return lambda u: u / variance.clamp_min(torch.finfo(z.dtype).tiny)
        return lambda u: u * variance

    def output_fisher_root(self, outputs: Tensor) -> Middle | None:
        z = outputs.detach()
        if self.outputs == "probabilities":
            root = (z * (1 - z)).clamp_min(torch.finfo(z.dtype).tiny).sqrt()
            return lambda u: u / root
        root = (z.sigmoid() * (-z).sigmoid()).sqrt()
        return lambda u: u * root

    def details(self) -> dict[str, Any]:
        found = {"weight": self.weight, "pos_weight": self.pos_weight}
        stated = {"outputs": self.outputs} if self.outputs == "probabilities" else {}
        return {k: v for k, v in found.items() if v is not None} | stated

    def _spread(self, weight: Tensor | None, rows: Tensor) -> Tensor | None:
        """A weight as torch would broadcast it against (n, …), along rows (n · …,)."""
        if weight is None:
            return None
        each = weight.to(rows).expand(self.shape).reshape(-1) if self.shape else weight.to(rows).reshape(-1)
        return each.repeat(rows.numel() // each.numel())


def _both(p: Tensor) -> Tensor:
    """p(0) and p(1), (m, 2)."""
    return torch.stack([1 - p, p], -1)


def _fits(weight: Tensor, shape: tuple[int, ...]) -> bool:
    try:
        return torch.broadcast_shapes(weight.shape, shape) == torch.Size(shape)
    except RuntimeError:
        return False
