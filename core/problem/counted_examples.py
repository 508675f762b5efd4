"""Losses that are means over a number of examples of their own counting: weighted so that all of them count alike."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from .likelihoods.batch_mean import require_mean
from .likelihoods.of_network import gives_one_number
from .likelihoods.protocol import Likelihood
from .likelihoods.returned import loss_in
from .trial import passes, undrawn

if TYPE_CHECKING:
    from .problem import Problem

COUNTED_AT_ONCE = 64  # examples


def with_examples_counted(problem: Problem) -> Likelihood:
    """The likelihood, told how many examples there are in all, where its losses are means over so many of them."""
    loss: Any = problem.likelihood
    model, every = problem.working_copy(), range(0, problem.example_count, COUNTED_AT_ONCE)
    device = next((p.device for p in model.parameters()), torch.device("cpu"))
    counts, alone = list[float | None](), False
    with passes(problem.differentiates), undrawn():
        for start in every:
            part = [t[start : start + COUNTED_AT_ONCE].to(device, copy=True) for t in problem.args]
            _, count = loss.parted(model, part)
            if count is None:
                return problem.likelihood
            if not counts:
                alone = _gives_one_number(loss, model, part)
            counts.append(count)
    scale = problem.example_count / sum(count or 0.0 for count in counts)
    return dataclasses.replace(loss, summed=True, scale=scale, is_of_batches=alone)


def _gives_one_number(loss: Any, model: nn.Module, part: list[Tensor]) -> bool:
    """Whether the loss is a mean that says no number; InputError where it is a sum."""

    def of(leaves: Any, _rows: Tensor) -> Any:
        return loss_in(loss.function(model, loss.structure.batch(leaves)), len(leaves[0]))

    losses = of([leaf.clone() for leaf in part], part[0])
    if not gives_one_number(losses):
        return False
    require_mean(of, part, part[0], losses)
    return True
