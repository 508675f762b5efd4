"""Classes and tokens: −ln p of the right one (Bishop 2006 ch. 4)."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, replace
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ...checks import InputError, known
from .protocol import (
    IGNORED,
    Likelihood,
    Loss,
    Middle,
    categorical_entropies,
    check_probabilities,
    softmax_fisher,
    softmax_fisher_root,
    states,
)

OUTPUTS = ("logits", "probabilities", "log_probabilities")
CLASSES = ("last", "second")
CLOSE = 1e-3  # to 1, of a sum of probabilities in the network's own precision

ONE_CLASS = (
    "The probability of one class is 1 whatever the network does, so cross-entropy is 0 everywhere: for two classes by one logit "
    "say loss='bernoulli', with targets of 0 and 1 as floats in the outputs' shape; for a number to be hit, loss='mse'."
)


@dataclass(frozen=True, eq=False)
class CrossEntropy(Loss):
    """−ln softmax(z)_y over classes (n, K) or tokens (n, t, K); targets are indices, or probabilities (soft labels).

    Parameters
    ----------
    outputs          what the network gives: "logits", "probabilities" or "log_probabilities"; None: logits, and rows that
                     look like probabilities are refused
    classes          the dimension of the outputs that they lie along: "last" (n, …, K), or "second" (n, K, …) as torch's
                     own loss has it; None: the one that fits, refused where both do
    weight           (K,) class weights; the loss is Σ w ℓ / Σ w over predictions, as torch's own has it
    label_smoothing  ε of the targets, (1 − ε) one-hot + ε/K
    ignored          class index of targets that are not predicted, besides −100
    divided          False: class weights are not divided by, Σ w ℓ / N

    >>> import math
    >>> round(CrossEntropy().losses(torch.zeros(1, 4), torch.tensor([2])).item(), 4), round(math.log(4), 4)
    (1.3863, 1.3863)
    """

    modules: ClassVar[tuple[type[nn.Module], ...]] = (nn.CrossEntropyLoss, nn.NLLLoss)
    by_name: ClassVar[bool] = True
    name = "cross_entropy"
    is_likelihood = True
    is_categorical = True

    outputs: str | None = None
    classes: str | None = None
    weight: Tensor | None = None
    label_smoothing: float = 0.0
    ignored: int = IGNORED
    divided: bool = True
    _: KW_ONLY
    torchs: bool = False  # written as torch's own loss, which has the classes second
    scale: float = 1.0  # N / Σ w of the problem's own targets
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.outputs is not None:
            known(self.outputs, OUTPUTS, "outputs of CrossEntropy")
        if self.classes is not None:
            known(self.classes, CLASSES, "place of the classes")
        if not 0 <= self.label_smoothing <= 1:
            raise InputError(f"label_smoothing should be from 0 to 1, but is {self.label_smoothing}.")
        if self.label_smoothing and self.outputs not in (None, "logits"):
            raise InputError("label_smoothing is of logits: leave it out, or let the network end before its softmax.")

    @classmethod
    def from_module(cls, module: Any) -> Likelihood:
        logs = isinstance(module, nn.NLLLoss)
        notes = [] if module.reduction == "mean" else [_reduction_note(module.reduction)]
        return cls(
            outputs="log_probabilities" if logs else None,
            weight=module.weight,
            label_smoothing=getattr(module, "label_smoothing", 0.0),
            ignored=module.ignore_index,
            divided=module.reduction == "mean",
            torchs=True,
            notes=tuple(notes),
        )

    @property
    def keeps_order(self) -> bool:  # type: ignore[override]
        return self.classes != "second"

    @property
    def states_loss(self) -> bool:
        return self.weight is None and self.label_smoothing == 0

    def accepted(self, targets: Tensor) -> Tensor:
        if targets.is_floating_point():
            if targets.ndim == 1:
                raise InputError(
                    "Targets of shape (n,) are class indices, but these are floating-point numbers: give targets.long(), or "
                    "loss='bernoulli' where the network gives one logit for each, loss='mse' where they are values."
                )
            second = self.classes != "last" and targets.ndim > 2 and _sum_to_one(targets, 1)
            if targets.shape[-1:] == (1,) and not second and bool((targets != 1).any()):
                raise InputError(f"Soft labels of one class came that are not 1. {ONE_CLASS}")
            check_probabilities(targets.movedim(1, -1) if second else targets, "Soft labels")
            return targets
        targets = targets.long()
        return targets if self.ignored == IGNORED else targets.masked_fill(targets == self.ignored, IGNORED)

    def settled(self, outputs: Any, targets: Tensor, every_target: Tensor) -> CrossEntropy:
        place = self._place(outputs, targets)
        said = () if place == "last" else ("The classes lie along the second dimension of the outputs.",)
        placed = replace(self, classes=place, notes=(*self.notes, *said))
        rows = placed.flatten(outputs, targets)[0].detach()
        if not targets.is_floating_point():
            check_indices(every_target, rows.shape[-1], len(targets))
        return placed._with_checked_outputs(rows)._with_weights(every_target, rows.shape[-1])

    def class_count(self, outputs: Any, targets: Tensor) -> int:
        return int(outputs.shape[1 if self.classes == "second" else -1])

    def prediction_count(self, targets: Tensor) -> int:
        if targets.is_floating_point():
            return targets.numel() // max(1, targets.shape[1 if self.classes == "second" else -1])
        return int((targets != IGNORED).sum())

    def target_rows(self, targets: Tensor) -> Tensor:
        return self._class_rows(targets) if targets.is_floating_point() else targets.reshape(-1)

    def law_rows(self, law: Tensor) -> Tensor:
        return law.reshape(-1, law.shape[-1])

    def predicted(self, rows: Tensor) -> Tensor | None:
        return None if rows.is_floating_point() else rows != IGNORED

    def flatten(self, outputs: Any, targets: Tensor) -> tuple[Any, Tensor]:
        return self._class_rows(outputs), self.target_rows(targets)

    def losses(self, outputs: Any, targets: Tensor) -> Tensor:
        if self.outputs in ("probabilities", "log_probabilities"):
            return self._weighted(self.class_logits(outputs), targets)
        weight = None if self.weight is None else self.weight.to(outputs)
        found = F.cross_entropy(outputs, targets, weight, reduction="none", label_smoothing=self.label_smoothing)
        return found if self.scale == 1 else found * self.scale

    def negative_log_likelihoods(self, outputs: Tensor, targets: Tensor) -> Tensor:
        plain = replace(self, weight=None, label_smoothing=0.0, scale=1.0)
        return plain.losses(outputs, targets)

    def divergences(self, outputs: Tensor, law: Tensor) -> Tensor:
        # xlogy makes 0 ln 0 = 0; classes that the law excludes contribute nothing, whatever the model says of them
        cross = torch.where(law > 0, law * torch.log_softmax(self.class_logits(outputs), 1), 0.0)
        return (torch.special.xlogy(law, law) - cross).sum(1)

    def law_shape(self, targets: Tensor, classes: int) -> tuple[int, ...]:
        if not targets.is_floating_point():
            return (*targets.shape, classes)
        return (targets.shape[0], *targets.shape[2:], classes) if self.classes == "second" else tuple(targets.shape)

    def check_law(self, law: Tensor) -> None:
        check_probabilities(law, "law")

    def law_entropy(self, law: Tensor) -> float:
        return float(categorical_entropies(law).mean())

    def target_entropy(self, targets: Tensor) -> float:
        if not targets.is_floating_point():
            return 0.0
        return float(categorical_entropies(self._class_rows(targets).double()).mean())

    def class_logits(self, outputs: Tensor) -> Tensor:
        if self.outputs == "probabilities":
            return outputs.clamp_min(torch.finfo(outputs.dtype).tiny).log()
        return outputs

    def labels(self, targets: Tensor) -> Tensor:
        return targets.argmax(1) if targets.is_floating_point() else targets

    def example_labels(self, targets: Tensor) -> Tensor | str:
        if targets.ndim == 1:
            return targets
        return "the labels are soft" if targets.is_floating_point() else "each example is a sequence of tokens"

    def entropies(self, outputs: Tensor) -> Tensor:
        return categorical_entropies(self.class_logits(outputs).softmax(-1))

    def sample(self, outputs: Any, targets: Tensor, generator: torch.Generator) -> Tensor:
        z = self.class_logits(outputs.movedim(1, -1) if self.classes == "second" else outputs)
        reached = z.double().softmax(-1).cumsum(-1)
        below = torch.rand(z.shape[:-1], generator=generator, dtype=torch.float64).to(z.device)
        drawn = (reached[..., :-1] <= below[..., None]).sum(-1)
        return drawn if targets.is_floating_point() else torch.where(targets == IGNORED, targets, drawn)

    def output_hessian(self, outputs: Tensor, targets: Tensor) -> Middle | None:
        if not self.states_loss or self.outputs in ("probabilities", "log_probabilities"):
            return None
        plain = softmax_fisher(outputs)
        if not targets.is_floating_point():
            return plain
        mass = targets.sum(-1, keepdim=True)  # −Σ y_k ln p_k bends by Σ y, which need not be 1 to the last digit
        return lambda u: mass * plain(u)

    def output_fisher(self, outputs: Tensor) -> Middle:
        if self.outputs == "probabilities":
            p = outputs.detach().clamp_min(torch.finfo(outputs.dtype).tiny)
            return lambda u: u / p  # Σ_k ∂ ln p_k/∂p ∂ ln p_k/∂pᵀ p_k
        return softmax_fisher(outputs)

    def output_fisher_root(self, outputs: Tensor) -> Middle | None:
        if self.outputs == "probabilities":
            root = outputs.detach().clamp_min(torch.finfo(outputs.dtype).tiny).sqrt()
            return lambda u: u / root
        return softmax_fisher_root(outputs)

    def is_log_softmax(self, targets: Tensor) -> bool:
        plain = self.states_loss and self.outputs in (None, "logits") and states(self, "is_log_softmax")
        return plain and not targets.is_floating_point()

    def details(self) -> dict[str, Any]:
        settings: dict[str, Any] = {}
        if self.weight is not None:
            settings |= {"weight": self.weight, "scale": self.scale}
        if self.label_smoothing:
            settings["label_smoothing"] = self.label_smoothing
        if self.outputs not in (None, "logits"):
            settings["outputs"] = self.outputs
        if self.classes == "second":
            settings["classes"] = "second"
        return settings

    def _place(self, outputs: Tensor, targets: Tensor) -> str:
        """Where the classes lie."""
        soft = targets.is_floating_point()
        if outputs.ndim == 1:
            raise InputError(f"The network gives one number for each example. {ONE_CLASS}")
        if soft and outputs.shape != targets.shape:
            raise InputError(
                f"Soft labels should have the outputs' shape {tuple(outputs.shape)}, but have {tuple(targets.shape)}: "
                "give one probability per class, or integer class indices."
            )
        last = soft or outputs.shape[:-1] == targets.shape
        second = outputs.ndim > 2 and (soft or (outputs.shape[0], *outputs.shape[2:]) == tuple(targets.shape))
        if soft and second:
            last, second = (_sum_to_one(targets, dim) for dim in (-1, 1))
        if self.classes is not None and {"last": last, "second": second or outputs.ndim == 2}[self.classes]:
            return self.classes
        if last and second and self.torchs:
            return "second"
        if last and second:
            raise InputError(
                f"The classes of outputs of shape {tuple(outputs.shape)} may lie along the last dimension or the second one, "
                f"as targets of shape {tuple(targets.shape)} fit both: say which, loss=CrossEntropy(classes='last') or "
                "CrossEntropy(classes='second'), which is what torch's CrossEntropyLoss means."
            )
        if not (last or second) and outputs.shape == targets.shape:
            raise InputError(
                f"Targets of the outputs' shape {tuple(targets.shape)} should be probabilities, but hold whole numbers: give "
                "one-hot labels as targets.float(), or class indices as targets.argmax(1)."
            )
        if not (last or second) and targets.ndim == outputs.ndim and targets.shape[-1] == 1:
            raise InputError(
                f"Class indices should have one dimension less than outputs of shape {tuple(outputs.shape)}, but have shape "
                f"{tuple(targets.shape)}: give targets.squeeze(-1)."
            )
        if not (last or second):
            raise InputError(
                f"Cross-entropy expects outputs of shape {(*targets.shape, 'classes')} for targets of shape "
                f"{tuple(targets.shape)}, but the model gives {tuple(outputs.shape)}: put the classes last."
            )
        return "last" if last else "second"

    def _with_checked_outputs(self, rows: Tensor) -> CrossEntropy:
        """Refuse probabilities where logits are expected, and the other way round; complex numbers are neither."""
        if rows.is_complex():
            raise InputError(
                "The outputs are complex numbers, which cross-entropy does not take: let the network end with their moduli "
                "(.abs()) or their real parts (.real)."
            )
        if rows.shape[-1] == 1:
            raise InputError(f"The network gives one class. {ONE_CLASS}")
        sums = rows.double().exp().sum(-1) if self.outputs == "log_probabilities" else rows.double().sum(-1)
        normalised = bool(((sums - 1).abs() < CLOSE).all()) and rows.shape[-1] > 1
        if self.outputs is None and normalised and bool((rows >= 0).all()):
            raise InputError(
                "The outputs look like probabilities (no entry is below 0 and every row sums to 1), but cross-entropy expects "
                "logits: let the network end before its softmax, or say loss=CrossEntropy(outputs='probabilities'); "
                "CrossEntropy(outputs='logits') takes them as logits all the same."
            )
        if self.outputs == "probabilities" and not (normalised and bool((rows >= 0).all())):
            raise InputError(
                "The outputs should be probabilities, but their rows do not sum to 1: give the network's softmax, or leave "
                "out outputs='probabilities' for logits."
            )
        if self.outputs == "log_probabilities" and not normalised:
            raise InputError(
                "The outputs should be log-probabilities, whose exponentials sum to 1 in each row, but they are not: end the "
                "network with log_softmax, or use loss='cross_entropy' for logits."
            )
        return self

    def _with_weights(self, targets: Tensor, classes: int) -> CrossEntropy:
        if self.weight is None:
            return self
        if tuple(self.weight.shape) != (classes,):
            raise InputError(
                f"Class weights should be of shape ({classes},), one for each class, but have {tuple(self.weight.shape)}."
            )
        if not self.divided or targets.is_floating_point():
            return self
        rows = self.target_rows(targets)
        weights = self.weight.detach().double().cpu()[rows[rows != IGNORED].cpu()]
        if float(weights.sum()) <= 0:
            raise InputError("The class weights of all targets are zero, so there is no mean: give a positive weight.")
        said = "The loss is cross-entropy with class weights w, Σ w ℓ / Σ w over all predictions."
        return replace(self, scale=len(weights) / float(weights.sum()), notes=(*self.notes, said))

    def _class_rows(self, tensor: Tensor) -> Tensor:
        if self.classes == "second" and tensor.ndim > 2:
            tensor = tensor.movedim(1, -1)
        return tensor.reshape(-1, tensor.shape[-1])

    def _weighted(self, logs: Tensor, targets: Tensor) -> Tensor:
        """−ln p with class weights, from log-probabilities as they are."""
        weight = torch.ones_like(logs[0]) if self.weight is None else self.weight.to(logs)
        if targets.is_floating_point():
            # 0 ln 0 = 0
            return -(targets * weight * logs.clamp_min(torch.finfo(logs.dtype).min)).sum(-1) * self.scale
        return F.nll_loss(logs, targets, weight, reduction="none") * self.scale


def check_indices(targets: Tensor, classes: int, tried: int = 0) -> None:
    """Raise InputError unless every index of `targets` is in 0..classes − 1 or is IGNORED."""
    predicted = targets[targets != IGNORED]
    if predicted.numel() == 0:
        raise InputError("Every target is −100 (ignored), so there is nothing to predict: give at least one target.")
    low, high = int(predicted.min()), int(predicted.max())
    if low >= 0 and high >= classes == tried:
        raise InputError(
            f"Targets run from {low} to {high}, but on {tried} examples the network gives {classes} classes: where the classes are "
            "the examples of the batch (similarities of pairs), say batches='whole'; else widen the model's last layer."
        )
    if low < 0 or high >= classes:
        raise InputError(
            f"Targets should be class indices from 0 to {classes - 1}, but run from {low} to {high}: "
            "number the classes from 0 or widen the model's last layer."
        )


def _sum_to_one(targets: Tensor, dim: int) -> bool:
    return bool(((targets.double().sum(dim) - 1).abs() < CLOSE).all())


def _reduction_note(reduction: str) -> str:
    return (
        f"The loss is written with reduction='{reduction}'; what is drawn is the mean over predictions, class weights not "
        "divided by."
    )
