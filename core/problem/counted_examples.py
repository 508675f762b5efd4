"""Losses that are means over a number of examples of their own counting: weighted so that all of them count alike."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import torch

from .likelihoods.protocol import Likelihood
from .trial import passes, undrawn

if TYPE_CHECKING:
    from .problem import Problem

COUNTED_AT_ONCE = 64  # examples


def with_examples_counted(problem: Problem) -> Likelihood:
    """The likelihood, told how many examples there are in all, where its losses are means over so many of them."""
    loss: Any = problem.likelihood
    model, every = problem.working_copy(), range(0, problem.example_count, COUNTED_AT_ONCE)
    device = next((p.device for p in model.parameters()), torch.device("cpu"))
    counts: list[float | None] = []
    with passes(problem.differentiates), undrawn():
        for start in every:
            part = [t[start : start + COUNTED_AT_ONCE].to(device, copy=True) for t in problem.args]
            counts.append(loss.parted(model, part)[1])
            if counts[0] is None:
                return problem.likelihood
    scale = problem.example_count / sum(count or 0.0 for count in counts)
    return dataclasses.replace(loss, summed=True, scale=scale)
