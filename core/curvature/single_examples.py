"""Whether single examples have gradients, and in which way they are taken: what a trial on two of them shows."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import torch

from ..checks import UNFIT, InputError, first_line
from ..network.batch_dependence import WHY_NONE_ALONE, draws_numbers
from ..network.batching import none_alone
from ..network.few_examples import first_predicted
from ..problem.kept_trials import keeps
from ..problem.problem import Problem
from .example_gradients import LOOPED, example_gradients
from .loss_function import LossFunction
from .vmap_in_groups import IN_GROUPS

TRIED = 2


@dataclass(frozen=True)
class SingleExamples:
    """there: whether they can be had; how: one sentence."""

    there: bool
    how: str


keeps("single_examples", asdict, lambda content: SingleExamples(**content))
keeps(LOOPED, str, str)


def single_examples(problem: Problem) -> SingleExamples:
    """Tested once for a problem and all its parts.

    >>> from torch import nn
    >>> single_examples(Problem(nn.Linear(2, 3), torch.eye(2), torch.tensor([0, 1]))).how
    'Gradients of single examples are taken side by side.'
    """
    outcome: SingleExamples | None = problem.trials.get("single_examples")
    if outcome is None:
        outcome = problem.trials["single_examples"] = _tested(problem)
    return outcome


def _tested(problem: Problem) -> SingleExamples:
    try:
        if not draws_numbers(problem) and not none_alone(problem):
            part = problem.subset(first_predicted(problem, TRIED))
            device = next((p.device for p in problem.model.parameters()), torch.device("cpu"))
            list(example_gradients(LossFunction(part, None, device)))
    except InputError as error:
        return SingleExamples(False, str(error))
    except UNFIT as error:
        return SingleExamples(False, f"This network cannot be differentiated example by example ({first_line(error)}).")
    return _way(problem)


def _way(problem: Problem) -> SingleExamples:
    if none_alone(problem):
        return SingleExamples(False, WHY_NONE_ALONE)
    if draws_numbers(problem):
        how = "Gradients of single examples are taken one by one from a pass over their batch, which has its own draws."
        return SingleExamples(True, how)
    why = problem.trials.get(LOOPED)
    if why is not None:
        reason = f" ({why})" if why else ""
        how = f"Gradients of single examples are taken one by one, which is slower: torch's vmap cannot follow{reason}."
        return SingleExamples(True, how)
    if problem.trials.get(IN_GROUPS):
        how = "Gradients of single examples are taken side by side, those together whose values the network decides alike upon."
        return SingleExamples(True, how)
    return SingleExamples(True, "Gradients of single examples are taken side by side.")
