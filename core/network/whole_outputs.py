"""The outputs of all examples at one point, gathered from the passes over batches, for what no sum over batches gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from ..machine.memory import CPU
from ..problem.trial import first_examples, passes
from .batching import once_for_a_network
from .forward import Measure
from .purity import Stillness

if TYPE_CHECKING:
    from ..problem.problem import Problem

PLAIN = (bool, int, float, str)  # the same for every example


@dataclass
class Whole:
    """Outputs of a network for all examples at one point.

    returned  of each batch, in their order, on the CPU
    targets   of all examples, as the loss has them
    failures  name of a readout → why it has no number at some point; the first reason stays
    """

    targets: Tensor
    failures: dict[str, str]
    returned: list[Any] = field(default_factory=list)

    def add(self, returned: Any) -> None:
        """Take in what came of the next batch."""
        self.returned.append(pytree.tree_map_only(Tensor, _taken, returned))

    @property
    def outputs(self) -> Any:
        """The outputs as the network returns them, one row per example; each time new ones.

        Raises
        ------
        ValueError  something in them has no row for each example
        """
        if len(self.returned) > 1:
            self.returned[:] = [pytree.tree_map(_joined, *self.returned)]
        for leaf in pytree.tree_leaves(self.returned[0]):
            if isinstance(leaf, Tensor) and leaf.ndim and len(leaf) == len(self.targets):
                continue
            if isinstance(leaf, Tensor) or not isinstance(leaf, PLAIN):
                what = f"tensor of shape {tuple(leaf.shape)}" if isinstance(leaf, Tensor) else type(leaf).__name__
                raise ValueError(
                    f"the network returns a {what} without a row for each example: name what is meant, Problem(…, output=…)"
                )
        return pytree.tree_map_only(Tensor, torch.clone, self.returned[0])


class WholeOutputs:
    """Measures of whole outputs, at one point after another.

    problem   whose outputs they are of
    measures  those that are `whole`
    failures  where reasons are noted; those of several data sets in one
    """

    def __init__(self, problem: Problem, measures: Sequence[Measure], failures: dict[str, str]) -> None:
        self.measures, self.failures = measures, failures
        self._targets = problem.targets.cpu() if measures else problem.targets

    def begin(self) -> Whole:
        """Begin a point: a `Whole` with room for the outputs of all examples."""
        return Whole(self._targets, self.failures)

    def numbers(self, gathered: Sequence[Whole]) -> Tensor:
        """The measures' numbers, (columns,) float64: their mean over draws of random numbers, each gathered apart."""
        draws = [torch.cat([measure.sums(each) for measure in self.measures]) for each in gathered]
        return torch.stack(draws).mean(0)


def whole_bytes(problem: Problem) -> int:
    """Bytes that the outputs of all examples take on a CPU: gathered for each draw, and once more for a function to write to."""
    return (problem.draws + 1) * problem.example_count * _output_bytes(problem)


@once_for_a_network
def _output_bytes(problem: Problem) -> int:
    model = problem.working_copy()
    network, sizes = problem.adapted(model), list[int]()
    device = next((p.device for p in model.parameters()), CPU)

    def run() -> Tensor:
        args, kwargs = first_examples(problem, device)
        leaves = pytree.tree_leaves(network(*args, **kwargs))
        sizes[:] = [sum(leaf.nbytes for leaf in leaves if isinstance(leaf, Tensor))]
        return torch.zeros(())

    with passes(problem.differentiates):
        Stillness(model, device).run(run)
    return sizes[0] // problem.tried_count + 1


def _taken(tensor: Tensor) -> Tensor:
    tensor = tensor.detach().cpu()
    return tensor.float() if tensor.dtype in (torch.bfloat16, torch.float16) else tensor  # which numpy does not know


def _joined(*parts: Any) -> Any:
    rows = all(isinstance(part, Tensor) and part.ndim for part in parts)
    return torch.cat(parts) if rows else parts[0]
