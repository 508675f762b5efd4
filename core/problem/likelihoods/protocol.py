"""The protocol of a loss: the losses, and the probabilities behind them where it states any.

Every loss is one class with these names on it, whatever it can do; nothing outside asks which class it is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Protocol

import torch
from torch import Tensor, nn

from ...checks import InputError

IGNORED = -100  # torch's own convention for tokens that are not predicted

Middle = Callable[[Tensor], Tensor]
PerExampleLoss = Callable[[Any, Any], Tensor]


class Likelihood(Protocol):
    """How outputs and targets become one loss per prediction, and what the outputs say of the targets.

    Outputs and targets are first laid out as rows, one for each prediction: an example, a token, a pixel, a label.

    Attributes
    ----------
    name            short text for files and pages
    is_likelihood   `negative_log_likelihoods` are −ln p(target | input), in nats
    states_loss     the loss itself is that, so that exp of its mean is the perplexity
    is_categorical  the predicted distribution is over classes, tokens or two outcomes: `class_logits` gives it
    sees            what it is handed: "tensor" (one tensor of predictions), "everything" that the network returns, or
                    "network" (the network itself was called inside the loss, and what comes out are losses)
    is_per_example  it gives a loss for each prediction; False: one sum for each batch
    is_of_batches   its numbers are of the batches as they are cut, so that these are part of what the loss is
    keeps_order     rows are the outputs' own numbers in their order in memory
    notes           sentences on how it was understood, for people
    """

    @property
    def name(self) -> str: ...

    @property
    def is_likelihood(self) -> bool: ...

    @property
    def states_loss(self) -> bool: ...

    @property
    def is_categorical(self) -> bool: ...

    @property
    def sees(self) -> str: ...

    @property
    def is_per_example(self) -> bool: ...

    @property
    def is_of_batches(self) -> bool: ...

    @property
    def keeps_order(self) -> bool: ...

    @property
    def notes(self) -> tuple[str, ...]: ...

    def accepted(self, targets: Tensor) -> Tensor:
        """Targets as they are kept: of the right type, −100 where nothing is predicted.

        Raises
        ------
        InputError  values that are no targets of this loss
        """

    def settled(self, outputs: Any, targets: Tensor, every_target: Tensor) -> Likelihood:
        """This loss with what the first outputs tell: where the classes lie, by what weights are divided.

        Raises
        ------
        InputError  shapes or values that cannot belong together, or that can be read in two ways
        """

    def class_count(self, outputs: Any, targets: Tensor) -> int:
        """Classes of the predicted distribution; 0 where it is over none."""

    def prediction_count(self, targets: Tensor) -> int:
        """N of METHODS: the predictions that these targets are of."""

    def target_rows(self, targets: Tensor) -> Tensor:
        """Targets as one row per prediction, (m, …)."""

    def law_rows(self, law: Tensor) -> Tensor:
        """The data's own distribution as one row per prediction."""

    def predicted(self, rows: Tensor) -> Tensor | None:
        """Which rows of targets are predicted at all, (m,) bool; None where all are."""

    def flatten(self, outputs: Any, targets: Tensor) -> tuple[Any, Tensor]:
        """One row per prediction: outputs (m, …), targets (m, …)."""

    def losses(self, outputs: Any, targets: Tensor) -> Tensor:
        """Loss per prediction, shape (m,), from rows; their mean over the data is the loss that is drawn."""

    def negative_log_likelihoods(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """−ln p(target | input) per prediction in nats, (m,), from rows. Only where is_likelihood."""

    def divergences(self, outputs: Tensor, law: Tensor) -> Tensor:
        """D_KL(law ‖ model) per prediction in nats, (m,), from rows. Only where is_likelihood."""

    def law_shape(self, targets: Tensor, classes: int) -> tuple[int, ...]:
        """The shape that the data's own distribution should have."""

    def check_law(self, law: Tensor) -> None:
        """Raise InputError where it is none."""

    def law_entropy(self, law: Tensor) -> float:
        """Entropy of the data's own distribution, in nats per prediction, from rows."""

    def target_entropy(self, targets: Tensor) -> float:
        """Entropy in nats per prediction that the targets themselves state (soft labels); 0 where they state none."""

    def class_logits(self, outputs: Tensor) -> Tensor:
        """Rows of log-probabilities up to a constant, (m, K). Only where is_categorical."""

    def labels(self, targets: Tensor) -> Tensor:
        """The right class of each row of targets, (m,). Only where is_categorical."""

    def example_labels(self, targets: Tensor) -> Tensor | str:
        """The class of each example, (n,); or why there is none."""

    def entropies(self, outputs: Tensor) -> Tensor:
        """Entropy of the predicted distribution, in nats, (m,) from rows. Only where is_likelihood."""

    def sample(self, outputs: Any, targets: Tensor, generator: torch.Generator) -> Tensor:
        """Targets drawn from the predicted distribution, in the shape and place of `targets`. Only where is_likelihood."""

    def output_hessian(self, outputs: Tensor, targets: Tensor) -> Middle | None:
        """u → (∂²ℓ/∂z²) u for rows z (m, …); None: it is to be found by automatic differentiation."""

    def output_fisher(self, outputs: Tensor) -> Middle:
        """u → E_y[∂ ln p/∂z ∂ ln p/∂zᵀ] u with y drawn from the model, for rows (m, …). Only where is_likelihood."""

    def output_fisher_root(self, outputs: Tensor) -> Middle | None:
        """u → S u with S Sᵀ that Fisher, S square; None: it is to be found numerically. Only where is_likelihood."""

    def is_log_softmax(self, targets: Tensor) -> bool:
        """Whether each loss is ln Σ exp z − z_y with a class y for each row."""

    def details(self) -> dict[str, Any]:
        """Its parameters that change the landscape; ready for JSON, tensors as they are."""


class Loss:
    """A loss that treats an example as one prediction and states no probability: what others begin from.

    Attributes
    ----------
    modules  torch's own loss modules that are understood as this one: see `from_module`
    by_name  whether Problem(…, loss="its name") means it
    """

    modules: ClassVar[tuple[type[nn.Module], ...]] = ()
    by_name: ClassVar[bool] = False
    name: str = "loss"
    is_likelihood: bool = False
    is_categorical: bool = False
    sees: str = "tensor"
    is_per_example: bool = True
    is_of_batches: bool = False
    keeps_order: bool = True
    notes: tuple[str, ...] = ()

    @property
    def states_loss(self) -> bool:
        return self.is_likelihood

    @classmethod
    def from_module(cls, module: nn.Module) -> Likelihood:
        """The likelihood of one of `modules`."""
        raise NotImplementedError(f"{cls.__name__} is no module of torch's")

    def accepted(self, targets: Tensor) -> Tensor:
        return targets

    def settled(self, outputs: Any, targets: Tensor, every_target: Tensor) -> Any:
        same_values(outputs, targets)
        return self

    def class_count(self, outputs: Any, targets: Tensor) -> int:
        return 0

    def prediction_count(self, targets: Tensor) -> int:
        return int(targets.shape[0])

    def target_rows(self, targets: Tensor) -> Tensor:
        return targets.reshape(targets.shape[0], -1)

    def law_rows(self, law: Tensor) -> Tensor:
        return law.reshape(law.shape[0], -1)

    def predicted(self, rows: Tensor) -> Tensor | None:
        return None

    def flatten(self, outputs: Any, targets: Tensor) -> tuple[Any, Tensor]:
        n = targets.shape[0]
        return outputs.reshape(n, -1), targets.reshape(n, -1).to(outputs.dtype)

    def losses(self, outputs: Any, targets: Tensor) -> Tensor:
        raise NotImplementedError

    def negative_log_likelihoods(self, outputs: Tensor, targets: Tensor) -> Tensor:
        if not self.is_likelihood:
            raise self._states_none("no log-likelihood")
        return self.losses(outputs, targets)

    def divergences(self, outputs: Tensor, law: Tensor) -> Tensor:
        raise self._states_none("no divergence")

    def law_shape(self, targets: Tensor, classes: int) -> tuple[int, ...]:
        return tuple(targets.shape)

    def check_law(self, law: Tensor) -> None:
        from ...checks import finite

        finite({"values": law}, "Law", "give the mean of the targets for each input")

    def law_entropy(self, law: Tensor) -> float:
        raise self._states_none("no entropy")

    def target_entropy(self, targets: Tensor) -> float:
        return 0.0

    def class_logits(self, outputs: Tensor) -> Tensor:
        return outputs  # a softmax of whatever comes out can be measured, though it means nothing here

    def labels(self, targets: Tensor) -> Tensor:
        raise self._states_none("no class")

    def example_labels(self, targets: Tensor) -> Tensor | str:
        return "the targets are numbers, not classes"

    def entropies(self, outputs: Tensor) -> Tensor:
        raise self._states_none("no entropy")

    def sample(self, outputs: Any, targets: Tensor, generator: torch.Generator) -> Tensor:
        raise self._states_none("nothing to draw from")

    def output_hessian(self, outputs: Tensor, targets: Tensor) -> Middle | None:
        return None

    def output_fisher(self, outputs: Tensor) -> Middle:
        raise InputError(
            f"The Fisher draws labels from the model's likelihood, but the loss '{self.name}' states none: "
            "use Gaussian(sigma), or of='empirical_fisher'."
        )

    def output_fisher_root(self, outputs: Tensor) -> Middle | None:
        return None

    def is_log_softmax(self, targets: Tensor) -> bool:
        return False

    def details(self) -> dict[str, Any]:
        return {}

    def _states_none(self, what: str) -> InputError:
        if self.is_likelihood:
            return InputError(
                f"The loss '{self.name}' is a likelihood of which {what} is known: give its class the method that says so "
                "(docs/adding-a-likelihood.md), or ask for readouts that need none."
            )
        return InputError(
            f"The loss '{self.name}' states no probability, so there is {what}: use a likelihood such as Gaussian(sigma)."
        )


def states(likelihood: Likelihood, what: str) -> bool:
    """Whether the method `what` still belongs to the losses: a subclass that computes other losses has left it behind.

    >>> from .squared_error import MeanSquaredError
    >>> class Doubled(MeanSquaredError):
    ...     def losses(self, outputs, targets):
    ...         return 2 * super().losses(outputs, targets)
    >>> states(MeanSquaredError(), "output_hessian"), states(Doubled(), "output_hessian")
    (True, False)
    """
    line = type(likelihood).__mro__
    owner = {name: next(i for i, kind in enumerate(line) if name in vars(kind)) for name in ("losses", what)}
    return owner[what] <= owner["losses"]


def categorical_entropies(p: Tensor) -> Tensor:
    """−Σ p ln p of rows of probabilities, with 0 ln 0 = 0."""
    return -torch.special.xlogy(p, p).sum(-1)


def softmax_fisher(logits: Tensor) -> Middle:
    """u → (diag(p) − ppᵀ) u, row by row, p the softmax of the logits."""
    p = logits.detach().softmax(-1)
    return lambda u: p * u - p * (p * u).sum(-1, keepdim=True)


def softmax_fisher_root(logits: Tensor) -> Middle:
    """u → Σ_k u_k √p_k (e_k − p), row by row: the scores of the classes, each weighted by the root of its probability."""
    p = logits.detach().softmax(-1)
    root = p.sqrt()
    return lambda u: root * u - p * (root * u).sum(-1, keepdim=True)


def check_probabilities(rows: Tensor, what: str) -> None:
    """Raise InputError unless every row is a distribution."""
    if bool((rows < 0).any()) or bool(((rows.double().sum(-1) - 1).abs() > 1e-2).any()):
        several = what == "Soft labels" and bool(((rows == 0) | (rows == 1)).all())
        remedy = " Where each entry says whether a label is there, the loss is loss='bernoulli'." if several else ""
        raise InputError(
            f"{what} should be probabilities, but are not: make every entry ≥ 0 and every row sum to 1.{remedy}"
        )


def same_values(outputs: Tensor, targets: Tensor) -> None:
    """Raise InputError unless both hold as many numbers in the same order, up to dimensions of size 1."""
    # (n, 1) against (n,) is the same numbers; anything else would broadcast to n × n without a word
    trimmed = [tuple(s for s in shape[1:] if s != 1) for shape in (outputs.shape, targets.shape)]
    if outputs.shape[:1] != targets.shape[:1] or trimmed[0] != trimmed[1]:
        raise InputError(
            f"This loss expects targets of the outputs' shape {tuple(outputs.shape)}, "
            f"but they have {tuple(targets.shape)}: reshape the targets."
        )


def stated_reduction(reduction: str, plain: str) -> tuple[str, ...]:
    """A sentence on what becomes of a loss module's reduction, where it is not the mean over all numbers."""
    if reduction == "mean":
        return ()
    return (f"The loss is written with reduction='{reduction}'; {plain}.",)
