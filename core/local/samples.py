"""Seeded samples of the data that the costly readouts are taken over; a smaller sample is part of every larger one."""

from __future__ import annotations

import copy

import torch
from torch import Tensor

from ..network.batching import once_for_a_network, required_batch_size
from ..network.flops import counted_flops
from ..problem.likelihoods.protocol import IGNORED
from ..problem.problem import Problem
from ..problem.trial import first_examples, passes, undrawn
from .estimation import Estimation

DESCENTS_COST = 8  # a descent takes a hundred passes, and single gradients their inner products
GRADIENT_NUMBERS = 128_000_000  # per-example gradients held at once, in numbers
FISHER_FLOPS = 10_000_000_000  # of the inner products of all rows of a Fisher at a point
FISHER_ROWS = 2_048


@once_for_a_network
def example_flops(problem: Problem) -> float:
    """Floating-point operations of a forward pass, for one example; twice the parameters where torch counts none.

    >>> from torch import nn
    >>> example_flops(Problem(nn.Linear(3, 5), torch.zeros(4, 3), torch.zeros(4).long()))
    30.0
    """
    model, count = problem.working_copy(), problem.tried_count
    device = next((p.device for p in model.parameters()), torch.device("cpu"))
    args, kwargs = first_examples(problem, device)
    try:
        with passes(problem.differentiates), undrawn():
            flops = counted_flops(lambda: problem.adapted(model)(*args, **kwargs))
    except Exception:  # a network that the counter cannot follow may still be measured
        return 2.0 * problem.parameter_count
    return flops / count or 2.0 * problem.parameter_count


def sample_sizes(problem: Problem, estimation: Estimation) -> tuple[int | None, int | None]:
    """How many examples an estimation takes for curvature, and for single gradients and descents; None: all."""
    if estimation.examples is None or estimation.examples >= problem.example_count:
        return None, None
    affordable = int(estimation.pass_flops / example_flops(problem)) if estimation.pass_flops else 0
    found = [max(estimation.examples, affordable), max(estimation.examples, affordable // DESCENTS_COST)]
    first, second = (None if size >= problem.example_count else size for size in found)
    return first, second


def fisher_row_count(problem: Problem) -> int:
    """Rows of the Fisher of single predictions that are made at once at most."""
    size = problem.parameter_count
    return max(3, min(FISHER_ROWS, int((FISHER_FLOPS / size) ** 0.5), GRADIENT_NUMBERS // size))


def sampled_examples(problem: Problem, count: int | None, seed: int, number: int = 0) -> Problem:
    """`problem` on `count` of its examples, drawn from the seed; on all of them where it has no more, or for None.

    Examples that predict nothing, all of whose tokens are ignored, are not drawn. Where batches are part of the loss, whole
    ones are.

    number  which of the samples that have no example in common, from 0 to `disjoint_samples` − 1; a sample of twice the size
            is the first two of them together
    """
    if count is None or count >= problem.example_count:
        return problem
    if required_batch_size(problem) is not None:
        return _whole_batches(problem, count, seed, number)[0]
    return problem.subset(_first(_predicting(problem), count, seed, number))


def disjoint_samples(problem: Problem, count: int) -> int:
    """How many samples of `count` examples there are without an example in common.

    >>> from torch import nn
    >>> disjoint_samples(Problem(nn.Linear(3, 5), torch.zeros(10, 3), torch.zeros(10).long()), 4)
    2
    """
    size = required_batch_size(problem)
    if size is None:
        return len(_predicting(problem)) // count
    size = size or problem.example_count
    return -(-problem.example_count // size) // max(1, count // size)


def _predicting(problem: Problem) -> Tensor:
    """The examples that predict something."""
    rows = torch.arange(problem.example_count)
    return rows[(problem.targets.reshape(len(rows), -1) != IGNORED).any(1)] if problem.ignores else rows


def sampled_predictions(problem: Problem, count: int | None, seed: int) -> tuple[Problem, Tensor]:
    """A problem of which every example makes one prediction of `problem`, and the example (m,) that each is of.

    A classifier's examples are its predictions. Of a sequence with many, the others are marked as not predicted, so that
    the gradient of an example is that of one token's loss. Soft labels for many predictions cannot be marked so: there
    the examples are kept whole, and so they are where batches are part of the loss. No more are taken than what their
    gradients need not more than GRADIENT_NUMBERS for.
    """
    fitting = max(2, GRADIENT_NUMBERS // problem.parameter_count)
    count = fitting if count is None else min(count, fitting)
    if required_batch_size(problem) is not None:
        return _whole_batches(problem, min(count, problem.example_count), seed)
    rows = problem.likelihood.target_rows(problem.targets)
    predicted = problem.likelihood.predicted(rows)
    if predicted is None or problem.targets.ndim == 1:
        counted = torch.arange(problem.example_count)
        if predicted is not None and problem.ignores:
            counted = counted[predicted]
        chosen = _first(counted, count, seed)
        return problem.subset(chosen), chosen
    flat = problem.targets.reshape(problem.example_count, -1)
    places = _first((flat.flatten() != IGNORED).nonzero().squeeze(1), count, seed)
    rows, columns = places // flat.shape[1], places % flat.shape[1]
    part = copy.copy(problem.subset(rows))
    masked = torch.full_like(flat[rows], IGNORED)
    picked = torch.arange(len(rows))
    masked[picked, columns] = flat[rows, columns]
    part.targets = masked.reshape(part.targets.shape)
    return part, rows


def _whole_batches(problem: Problem, count: int, seed: int, number: int = 0) -> tuple[Problem, Tensor]:
    """At least one of the batches that the loss is made of, no more than `count` examples need; and which examples they hold."""
    size = required_batch_size(problem) or problem.example_count
    starts = range(0, problem.example_count, size)
    chosen = _first(torch.arange(len(starts)), max(1, count // size), seed, number).tolist()
    rows = torch.cat([torch.arange(starts[k], min(starts[k] + size, problem.example_count)) for k in chosen])
    part = problem.subset(rows)
    part.batches, part.batch_numbers = size, (tuple(chosen), len(starts))
    return part, rows


def _first(places: Tensor, count: int, seed: int, number: int = 0) -> Tensor:
    """The first `count` of the places in an order of the seed's, or the next so many."""
    return places[_shuffled(len(places), seed)[number * count : (number + 1) * count]].sort().values


def _shuffled(count: int, seed: int) -> Tensor:
    return torch.randperm(count, generator=torch.Generator().manual_seed(seed + 3_000_017))
