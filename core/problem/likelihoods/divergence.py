"""The divergence from given distributions, as torch's KLDivLoss: cross-entropy less the targets' own entropy."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, replace
from typing import Any, ClassVar

from torch import Tensor, nn
from torch.nn import functional as F

from ...checks import InputError
from .cross_entropy import CrossEntropy
from .custom import Custom
from .protocol import Likelihood, Loss, Middle, check_probabilities

MANY = "Outputs of KLDivLoss have more dimensions than examples and classes: its loss is torch's, and there is no perplexity or accuracy."
BATCHMEAN = "The loss is written with reduction='mean', which divides by the number of classes too, as torch's does."


def sum_over_numbers(outputs: Tensor, targets: Tensor) -> Tensor:
    """Losses (n,): sums over everything but the examples, which torch's "batchmean" divides by their number."""
    return _each(outputs, targets).flatten(1).sum(1)


def mean_over_numbers(outputs: Tensor, targets: Tensor) -> Tensor:
    """Losses (n,): means over everything but the examples, as torch's "mean" takes."""
    return _each(outputs, targets).flatten(1).mean(1)


def _each(outputs: Tensor, targets: Tensor) -> Tensor:
    if outputs.shape != targets.shape:
        raise InputError(
            f"Targets of KLDivLoss should have the outputs' shape {tuple(outputs.shape)}, but have {tuple(targets.shape)}."
        )
    return F.kl_div(outputs, targets, reduction="none")


@dataclass(frozen=True, eq=False)
class KLDivergence(Loss):
    """Σ_k y_k (ln y_k − z_k), z log-probabilities (n, …, K), y probabilities of the same shape.

    per_class  divided by K as well, as torch's reduction="mean" does
    log_target the targets are ln y

    >>> import torch
    >>> p = torch.tensor([[0.5, 0.5]])
    >>> KLDivergence().losses(p.log(), p).tolist()
    [0.0]
    """

    modules: ClassVar[tuple[type[nn.Module], ...]] = (nn.KLDivLoss,)
    name = "kl_divergence"
    is_likelihood = True
    is_categorical = True
    states_loss = False

    per_class: bool = False
    log_target: bool = False
    _: KW_ONLY
    notes: tuple[str, ...] = ()

    @classmethod
    def from_module(cls, module: Any) -> Likelihood:
        per_class = module.reduction == "mean"
        return cls(per_class, module.log_target, notes=(BATCHMEAN,) if per_class else ())

    def accepted(self, targets: Tensor) -> Tensor:
        if not targets.is_floating_point():
            raise InputError(
                "Targets of KLDivLoss should be probabilities, but are whole numbers: use 'cross_entropy'."
            )
        targets = targets.exp() if self.log_target else targets
        check_probabilities(targets, "Targets of KLDivLoss")
        return targets

    def settled(self, outputs: Any, targets: Tensor, every_target: Tensor) -> Likelihood:
        if outputs.ndim > 2:
            function = mean_over_numbers if self.per_class else sum_over_numbers
            return Custom(function, (*self.notes, MANY)).settled(outputs, targets, every_target)
        self._plain.settled(outputs, targets, every_target)
        return replace(self, notes=(*self.notes, "Perplexity is that of the cross-entropy with the targets."))

    def class_count(self, outputs: Any, targets: Tensor) -> int:
        return int(outputs.shape[-1])

    def losses(self, outputs: Any, targets: Tensor) -> Tensor:
        each = F.kl_div(outputs, targets, reduction="none")
        return each.mean(1) if self.per_class else each.sum(1)

    def negative_log_likelihoods(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return self._plain.losses(outputs, targets)

    def divergences(self, outputs: Tensor, law: Tensor) -> Tensor:
        return self._plain.divergences(outputs, law)

    def check_law(self, law: Tensor) -> None:
        check_probabilities(law, "law")

    def law_entropy(self, law: Tensor) -> float:
        return self._plain.law_entropy(law)

    def target_entropy(self, targets: Tensor) -> float:
        return self._plain.target_entropy(targets)

    def class_logits(self, outputs: Tensor) -> Tensor:
        return outputs

    def labels(self, targets: Tensor) -> Tensor:
        return targets.argmax(1)

    def example_labels(self, targets: Tensor) -> Tensor | str:
        return "the labels are soft"

    def entropies(self, outputs: Tensor) -> Tensor:
        return self._plain.entropies(outputs)

    def sample(self, outputs: Any, targets: Tensor, generator: Any) -> Tensor:
        drawn = self._plain.sample(outputs, targets, generator)
        return F.one_hot(drawn, targets.shape[-1]).to(targets)

    def output_fisher(self, outputs: Tensor) -> Middle:
        return self._plain.output_fisher(outputs)

    def output_fisher_root(self, outputs: Tensor) -> Middle | None:
        return self._plain.output_fisher_root(outputs)

    def details(self) -> dict[str, Any]:
        return {"per_class": self.per_class}

    @property
    def _plain(self) -> CrossEntropy:
        return CrossEntropy("log_probabilities", "last")
