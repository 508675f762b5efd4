"""The same problem on some of its examples, or over some of its parameters."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch

from ..checks import known
from . import number_types
from .arguments import checked_decay
from .counted_examples import with_examples_counted
from .data import chosen_rows
from .kept_trials import trials_like
from .notes import parameter_notes
from .selection import Selection, by_name, selected
from .trial import tried_as, tried_on_enough

if TYPE_CHECKING:
    from .problem import Problem

PRODUCTS = ("differences",)


def of_examples(problem: Problem, examples: int | Sequence[int]) -> Problem:
    """As `Problem.of_examples`."""
    rows = chosen_rows(problem.example_count, examples)
    if rows is None:
        return problem
    part = problem.subset(torch.tensor(rows))
    part.trials = trials_like(problem.trials, part)
    trial = tried_on_enough(part, problem.output)  # weights are divided by their sum over these targets
    part.likelihood = with_examples_counted(part) if trial.likelihood.sees == "network" else trial.likelihood
    part.beside = None if problem.beside is None else tried_as(part, problem.beside.likelihood)
    part.notes = (*problem.notes, f"{len(rows):,} of {problem.example_count:,} examples, the same at every point.")
    return part


def over(problem: Problem, parameters: Selection | None, weight_decay: float | None, products: str | None) -> Problem:
    """As `Problem.over`."""
    part = copy.copy(problem)
    part.trials = trials_like(problem.trials, part)
    if parameters is not None:
        part.selection = selected(problem.parameters, by_name(problem.model, parameters))
    if weight_decay is not None:
        part.weight_decay = checked_decay(weight_decay)
    if products is not None:
        part.products = known(products, PRODUCTS, "way to take products")
    part.dtype = number_types.working_dtype(part.parameters.values())
    part.take_trajectory(problem.trajectory)
    others = (note for note in problem.notes if note not in parameter_notes(problem))
    part.notes = (*others, *parameter_notes(part))
    return part
