"""What the network's outputs mean: per-example losses in nats, and the probabilities behind them.

A loss that is a negative log-likelihood gives perplexity; one over classes or tokens gives probabilities too.
Squared error gives neither until a variance is stated (then it is `Gaussian`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

from ..checks import InputError, known

IGNORED = -100  # torch's own convention for tokens that are not predicted

LossFunction = Callable[[Tensor, Tensor], Tensor]


class Likelihood(Protocol):
    """How outputs and targets become one loss per prediction.

    Attributes
    ----------
    name           short text for files and pages
    is_likelihood  the loss is −ln p(target | input), in nats
    is_categorical outputs are logits over classes or tokens
    """

    @property
    def name(self) -> str: ...

    @property
    def is_likelihood(self) -> bool: ...

    @property
    def is_categorical(self) -> bool: ...

    def check(self, outputs: Tensor, targets: Tensor) -> None:
        """Raise InputError where the shapes or values cannot belong together."""

    def flatten(self, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """One row per prediction: outputs (m, …), targets (m, …)."""

    def losses(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Loss per prediction, shape (m,), from flattened outputs and targets."""

    def divergences(self, outputs: Tensor, law: Tensor) -> Tensor:
        """D_KL(law ‖ model) per prediction in nats, (m,); the law as `Problem` takes it. Only where is_likelihood."""


@dataclass(frozen=True)
class CrossEntropy:
    """−ln softmax(z)_y over classes (n, K) or tokens (n, t, K); targets are indices, or probabilities (soft labels).

    >>> import torch
    >>> round(CrossEntropy().losses(torch.zeros(1, 4), torch.tensor([2])).item(), 4), round(math.log(4), 4)
    (1.3863, 1.3863)
    """

    name: str = "cross_entropy"
    is_likelihood: bool = True
    is_categorical: bool = True

    def check(self, outputs: Tensor, targets: Tensor) -> None:
        if targets.is_floating_point():
            if outputs.shape != targets.shape:
                raise InputError(
                    f"Soft labels should have the outputs' shape {tuple(outputs.shape)}, but have {tuple(targets.shape)}: "
                    "give one probability per class, or integer class indices."
                )
            return
        if outputs.shape[:-1] != targets.shape:
            raise InputError(
                f"Cross-entropy expects outputs of shape {(*targets.shape, 'classes')} for targets of shape "
                f"{tuple(targets.shape)}, but the model gives {tuple(outputs.shape)}: put the classes last."
            )

    def flatten(self, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        outputs = outputs.reshape(-1, outputs.shape[-1])
        return outputs, targets.reshape(outputs.shape) if targets.is_floating_point() else targets.reshape(-1)

    def losses(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return F.cross_entropy(outputs, targets, reduction="none")

    def divergences(self, outputs: Tensor, law: Tensor) -> Tensor:
        # xlogy makes 0 ln 0 = 0; classes that the law excludes contribute nothing, whatever the model says of them
        cross = torch.where(law > 0, law * torch.log_softmax(outputs, 1), 0.0)
        return (torch.special.xlogy(law, law) - cross).sum(1)


@dataclass(frozen=True)
class MeanSquaredError:
    """Mean over output dimensions of (f − y)², as torch's MSELoss: a loss without a stated likelihood."""

    name: str = "mse"
    is_likelihood: bool = False
    is_categorical: bool = False

    def check(self, outputs: Tensor, targets: Tensor) -> None:
        _same_values(outputs, targets)

    def flatten(self, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        n = targets.shape[0]
        return outputs.reshape(n, -1), targets.reshape(n, -1).to(outputs.dtype)

    def losses(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return (outputs - targets).square().mean(1)

    def divergences(self, outputs: Tensor, law: Tensor) -> Tensor:
        raise InputError("Squared error states no probability, so there is no divergence: use Gaussian(sigma).")


@dataclass(frozen=True)
class Gaussian(MeanSquaredError):
    """−ln N(y; f, σ²I) in nats: Σ_d ½((y_d − f_d)/σ)² + ½ ln 2πσ², the variance stated by the user.

    >>> import torch
    >>> round(Gaussian(1.0).losses(torch.zeros(1, 1), torch.zeros(1, 1)).item(), 4)
    0.9189
    """

    sigma: float = 1.0
    name: str = "gaussian"
    is_likelihood: bool = True

    def __init__(self, sigma: float = 1.0) -> None:
        if not (math.isfinite(sigma) and sigma > 0):
            raise InputError(f"Gaussian(sigma) expects a positive number, but got {sigma}: give the noise's deviation.")
        object.__setattr__(self, "sigma", float(sigma))

    def losses(self, outputs: Tensor, targets: Tensor) -> Tensor:
        scaled = (outputs - targets) / self.sigma
        return (0.5 * scaled.square() + 0.5 * math.log(2 * math.pi * self.sigma**2)).sum(1)

    def divergences(self, outputs: Tensor, law: Tensor) -> Tensor:
        """Between two Gaussians of the same variance only the means differ: Σ_d ½((μ_d − f_d)/σ)²."""
        return (0.5 * ((outputs - law) / self.sigma).square()).sum(1)


@dataclass(frozen=True)
class Custom:
    """A callable (outputs, targets) → per-example loss of shape (n,); nothing is assumed about probabilities."""

    function: LossFunction
    name: str = "custom"
    is_likelihood: bool = False
    is_categorical: bool = False

    def check(self, outputs: Tensor, targets: Tensor) -> None:
        losses = self.function(outputs, targets)
        if not isinstance(losses, Tensor) or losses.shape != (targets.shape[0],):
            came = tuple(losses.shape) if isinstance(losses, Tensor) else type(losses).__name__
            raise InputError(
                f"The loss function should return one loss per example, shape ({targets.shape[0]},), but returned {came}: "
                "do not average inside it (reduction='none')."
            )

    def flatten(self, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        return outputs, targets

    def losses(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return self.function(outputs, targets)

    def divergences(self, outputs: Tensor, law: Tensor) -> Tensor:
        raise InputError("A loss function of your own states no probability, so there is no divergence.")


def resolve(loss: str | Likelihood | LossFunction) -> Likelihood:
    """The likelihood meant by a name, by an instance, or by a callable.

    Raises
    ------
    InputError  for an unknown name (with the nearest) or a thing that is none of the three
    """
    named: dict[str, Likelihood] = {"cross_entropy": CrossEntropy(), "mse": MeanSquaredError()}
    if isinstance(loss, str):
        return named[known(loss, named, "loss")]
    if not callable(loss) and hasattr(loss, "losses"):
        return loss
    if callable(loss):
        return Custom(loss)
    raise InputError(
        f"loss should be 'cross_entropy', 'mse', Gaussian(sigma) or a callable, but is a {type(loss).__name__}."
    )


def output_tensor(outputs: Any) -> Tensor:
    """The tensor of predictions in what a model returned: itself, its `.logits`, or a tuple's first entry.

    Raises
    ------
    InputError  where no tensor is found
    """
    if hasattr(outputs, "logits"):
        outputs = outputs.logits
    if isinstance(outputs, (tuple, list)) and outputs:
        outputs = outputs[0]
    if not isinstance(outputs, Tensor):
        raise InputError(
            f"The model should return a tensor of predictions, but returned a {type(outputs).__name__}: "
            "wrap it in a module whose forward returns the logits."
        )
    return outputs


def check_indices(targets: Tensor, classes: int) -> None:
    """Raise InputError unless every index of `targets` is in 0..classes − 1 or is IGNORED."""
    predicted = targets[targets != IGNORED]
    if predicted.numel() == 0:
        raise InputError("Every target is −100 (ignored), so there is nothing to predict: give at least one target.")
    low, high = int(predicted.min()), int(predicted.max())
    if low < 0 or high >= classes:
        raise InputError(
            f"Targets should be class indices from 0 to {classes - 1}, but run from {low} to {high}: "
            "number the classes from 0 or widen the model's last layer."
        )


def _same_values(outputs: Tensor, targets: Tensor) -> None:
    # (n, 1) against (n,) is the same numbers; anything else would broadcast to n × n without a word
    trimmed = [tuple(s for s in shape[1:] if s != 1) for shape in (outputs.shape, targets.shape)]
    if outputs.shape[0] != targets.shape[0] or trimmed[0] != trimmed[1]:
        raise InputError(
            f"Squared error expects targets of the outputs' shape {tuple(outputs.shape)}, "
            f"but they have {tuple(targets.shape)}: reshape the targets."
        )
