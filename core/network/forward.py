"""One forward pass over a batch, and the sums over predictions that are taken of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from torch import Tensor

if TYPE_CHECKING:
    from ..problem.problem import Problem


FEW_CLASSES = 32
SECOND = "test_"  # what the columns of the second data set begin with


class Forward:
    """The outputs of one forward pass over a batch; shared quantities are computed once, and only when asked for.

    outputs  (m, K) or (m, d)  one row per prediction; of a loss that sees everything, whatever the network returned
    targets  (m,) or (m, …)
    law      (m, K) probabilities, or (m, d) means beside a Gaussian likelihood; or None
    shared   what measures of one property share, by a name of its own
    """

    def __init__(self, problem: Problem, outputs: Any, targets: Tensor, law: Tensor | None) -> None:
        self._likelihood, self.outputs, self.targets, self.law = problem.likelihood, outputs, targets, law
        self.shared: dict[str, Any] = {}

    @cached_property
    def logits(self) -> Tensor:
        """Log-probabilities of the classes up to a constant, (m, K), of a distribution over classes."""
        return self._likelihood.class_logits(self.outputs)

    @cached_property
    def labels(self) -> Tensor:
        """The right class of each prediction, (m,)."""
        return self._likelihood.labels(self.targets)

    @cached_property
    def losses(self) -> Tensor:
        """Loss per prediction (m,), in nats for a likelihood."""
        if not self._has_few_classes:
            return self._likelihood.losses(self.outputs, self.targets)
        return self.below_top.exp().sum(0).log_() - self.below_top.gather(0, self.targets[None])[0]

    @cached_property
    def top(self) -> tuple[Tensor, Tensor]:
        """Largest logit of each row and its class, (m,) each."""
        largest = self.logits.max(1)
        return largest.values, largest.indices

    @cached_property
    def below_top(self) -> Tensor:
        """z − max z, (K, m): the exponents of a softmax that cannot overflow, classes first, so that sums over a few
        classes run along the examples in memory."""
        by_class = self.logits.t().contiguous()
        return by_class - (by_class.amax(0) if self._has_few_classes else self.top[0])

    @cached_property
    def hits(self) -> Tensor:
        """Whether the first of the largest logits is the right class's, (m,) bool; not under vmap, as it looks at the numbers.

        On a CPU without the place of the largest, which takes torch up to three times as long: where every prediction has one
        largest logit, it is the right one or it is not.
        """
        if self.logits.device.type == "cpu":
            few = self._has_few_classes
            below, classes = (self.below_top, 0) if few else (self.logits - self.logits.amax(1, keepdim=True), 1)
            if bool((below.count_nonzero(classes) == below.shape[classes] - 1).all()):
                return (
                    below.gather(0, self.labels[None])[0] if few else below.gather(1, self.labels[:, None])[:, 0]
                ) == 0
        return self.top[1] == self.labels

    @property
    def _has_few_classes(self) -> bool:
        """Whether cross-entropy by class is faster than torch's by example: 4 times with 10 classes, the same with 40."""
        indexed = self._likelihood.is_log_softmax(self.targets)
        return indexed and self.logits.device.type == "cpu" and self.logits.shape[1] <= FEW_CLASSES

    @cached_property
    def divergences(self) -> Tensor:
        """D_KL(law ‖ model) per prediction (m,), in nats, where the data's law is known."""
        assert self.law is not None
        return self._likelihood.divergences(self.outputs, self.law)

    @cached_property
    def negative_log_likelihoods(self) -> Tensor:
        """−ln p(target | input) per prediction (m,), in nats, of a likelihood."""
        return self._likelihood.negative_log_likelihoods(self.outputs, self.targets)


@dataclass(frozen=True)
class Measure:
    """Sums over predictions taken in the forward pass; the engine divides by their number.

    columns  names of the numbers; several properties may ask for the same one, which is then measured once
    sums     Forward → (len(columns),) float64
    of_loss  it is of the loss, also where another likelihood is stated beside it
    whole    it is of all examples at once and no sum: `sums` takes a `Whole` (network/whole_outputs.py) and gives the numbers
    second   it is of the second data set, and its columns begin with SECOND
    each     Forward → (len(columns), m), the number of each prediction, whose sums `sums` are; None where there is no need of it
    """

    columns: tuple[str, ...]
    sums: Callable[[Any], Tensor] = field(compare=False)
    of_loss: bool = False
    whole: bool = False
    second: bool = False
    each: Callable[[Forward], Tensor] | None = field(compare=False, default=None)

    @property
    def on_second(self) -> Measure:
        """The same of the second data set.

        >>> Measure(("loss",), lambda forward: forward.losses.sum()[None]).on_second.columns
        ('test_loss',)
        """
        return replace(self, columns=tuple(f"{SECOND}{column}" for column in self.columns), second=True)

    @property
    def on_its_own(self) -> Measure:
        """The measure that `on_second` was made of."""
        return replace(self, columns=tuple(column.removeprefix(SECOND) for column in self.columns), second=False)


def columns_of(measures: Iterable[Measure]) -> tuple[str, ...]:
    """The columns of measures, in their order."""
    return tuple(column for measure in measures for column in measure.columns)
