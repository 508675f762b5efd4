"""A loss that calls the network itself: what `Problem.from_loss` takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torch import Tensor

from ...checks import InputError
from .protocol import Loss, Middle
from .returned import loss_in

if TYPE_CHECKING:
    from ..structure import Graphs, Structure

NetworkLoss = Callable[..., Any]


@dataclass(frozen=True)
class OfNetwork(Loss):
    """loss(model, batch) → losses of shape (n,), their mean, or (their mean, the number that it is of).

    function   the loss
    structure  how a batch is put together from tensors
    summed     it gives a mean: one sum for a batch, no loss for each example
    scale      1, or examples over what the numbers of all of them add up to, so that the mean over examples is the loss
    """

    function: NetworkLoss
    structure: Structure | Graphs
    summed: bool = False
    scale: float = 1.0
    is_of_batches: bool = False
    name = "of the network"
    sees = "network"

    @property
    def is_per_example(self) -> bool:  # type: ignore[override]
        return not self.summed

    def settled(self, outputs: Any, targets: Tensor, every_target: Tensor) -> OfNetwork:
        return self

    def target_rows(self, targets: Tensor) -> Tensor:
        return targets

    def flatten(self, outputs: Any, targets: Tensor) -> tuple[Any, Tensor]:
        return outputs, targets

    def losses(self, outputs: Any, targets: Tensor) -> Tensor:
        found: Tensor = outputs
        return found

    def of(self, model: Any, leaves: Sequence[Tensor]) -> Tensor:
        """Losses of a batch of n examples, (n,); for a mean and a number, (1,), their product."""
        found, number = self.parted(model, leaves)
        return found if number is None else (found * (number * self.scale)).reshape(1)

    def parted(self, model: Any, leaves: Sequence[Tensor]) -> tuple[Tensor, float | None]:
        """Losses (n,) and None, or a mean and the number that it is of."""
        return parted(self.function(model, self.structure.batch(leaves)), len(leaves[0]))

    def output_hessian(self, outputs: Tensor, targets: Tensor) -> Middle | None:
        raise InputError(
            "A loss of the network itself has no outputs between, so there is no Gauss-Newton matrix: take of='hessian', or "
            "of='empirical_fisher'."
        )


def parted(returned: Any, count: int) -> tuple[Tensor, float | None]:
    """The value of a loss of the network: losses (count,) and None, or a mean and the number of examples it is the mean of.

    Raises
    ------
    InputError  it is neither
    """
    returned = loss_in(returned, count)
    if isinstance(returned, Tensor) and (returned.shape == (count,) or (count == 1 and returned.numel() == 1)):
        return returned.reshape(count), None
    if gives_one_number(returned):
        return returned, float(count)
    if isinstance(returned, (tuple, list)) and len(returned) == 2 and isinstance(returned[0], Tensor):
        mean, number = returned
        number = float(number)
        if mean.numel() == 1 and number > 0:
            return mean, number
    came = tuple(returned.shape) if isinstance(returned, Tensor) else type(returned).__name__
    raise InputError(
        f"loss(model, batch) should return one loss per example, shape ({count},), their mean, or a pair (mean, number of examples that "
        f"it is the mean of), but returned {came}: return (loss, len(x)) with a tensor x of the batch, or their mean."
    )


def gives_one_number(returned: Any) -> bool:
    """Whether a loss returned the batch's mean alone, as training steps do."""
    return isinstance(returned, Tensor) and returned.ndim == 0
