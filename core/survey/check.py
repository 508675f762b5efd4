"""`check`: what was understood of a problem, what was tested, and what cannot be had and why; a few passes, no survey."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import nn

from ..checks import InputError
from ..curvature.gradient_check import AGREE, gradient_miss
from ..curvature.idle_parameters import idle_parameters, zero_tensors
from ..curvature.second_derivatives import second_derivatives
from ..curvature.single_examples import single_examples
from ..network.batch_dependence import draws_numbers, examples_coupled
from ..network.batching import required_batch_size
from ..network.weight_dependence import require_dependence, require_derivatives
from ..problem.problem import Problem
from ..properties.selection import OWNERS, wanted

KINDS = ("understood", "tested", "not to be had")
MOST_NAMES = 3
NORMALISED = {
    "eval": "Its running statistics are the trained network's, at every point.",
    "recalibrate": "Its statistics are recomputed on the data at every point.",
}
NO_SLOPE = (
    "The gradient is not the slope of the loss that is drawn: along a direction they differ by {:.2g} %. A part of the network, or of "
    "its loss, is detached, under no_grad or straight-through; slope and curvature are of what training follows, not of the map."
)


@dataclass(frozen=True)
class Finding:
    """One line of the report.

    kind    "understood" | "tested" | "not to be had"
    what    what it is about, in a word or two
    says    one sentence or two
    alarms  whether a person should read it before anything is measured
    """

    kind: str
    what: str
    says: str
    alarms: bool = False


def check(problem: Problem) -> list[Finding]:
    """Findings on a problem: what was understood, what was tested, and what cannot be had; in this order.

    The tests run the network on a few examples and keep what they find with the problem, so that a survey of it does not
    test again.

    >>> import torch
    >>> from torch import nn
    >>> found = check(Problem(nn.Linear(2, 3), torch.eye(2), torch.tensor([0, 1])))
    >>> [line.says for line in found if line.what == "parameters"]
    ['The loss changes with them.']
    >>> any(line.alarms for line in found)
    False
    """
    return [*_understood(problem), *_tested(problem), *_missing(problem)]


def _understood(problem: Problem) -> Iterator[Finding]:
    tensors = len(problem.parameters)
    yield Finding(
        KINDS[0],
        "network",
        f"{problem.name}: {problem.parameter_count:,} trainable parameters in {tensors} tensor{'s' * (tensors != 1)}.",
    )
    predictions = problem.prediction_count
    more = "" if predictions == problem.example_count else f", {predictions:,} predictions"
    one = problem.example_count == 1
    yield Finding(KINDS[0], "data", f"{problem.example_count:,} example{'' if one else 's'}{more}.")
    kind = problem.likelihood
    states = "a likelihood, in nats" if kind.is_likelihood else "no likelihood"
    yield Finding(KINDS[0], "loss", f"{kind.name}: {states}{', over classes' if kind.is_categorical else ''}.")
    if problem.beside is not None:
        yield Finding(KINDS[0], "likelihood", f"{problem.stated.likelihood.name}, stated beside the loss.")
    yield Finding(KINDS[0], "training path", _path(problem))
    if any(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in problem.model.modules()):
        yield Finding(KINDS[0], "BatchNorm", NORMALISED[problem.batchnorm])
    for sentence in problem.notes:
        yield Finding(KINDS[0], "note", sentence)


def _path(problem: Problem) -> str:
    path = problem.trajectory
    if path is None:
        return "None was given, so no plane runs along the training: Problem(…, trajectory=Trajectory.from_folder(…))."
    steps, last = path.steps, path.at(len(path) - 1)
    ends = all(torch.equal(last[name].to(value), value) for name, value in problem.parameters.items() if name in last)
    whose = "the last is the trained network" if ends else "the trained network is not the last of them"
    return f"{len(path)} checkpoints, steps {steps[0]:,} to {steps[-1]:,}; {whose}."


def _tested(problem: Problem) -> Iterator[Finding]:
    try:
        require_dependence(problem)
        require_derivatives(problem)
        yield Finding(KINDS[1], "parameters", "The loss changes with them.")
    except InputError as error:
        yield Finding(KINDS[1], "parameters", str(error), alarms=True)
        return  # of a constant, or of other weights' derivatives, there is no more to say
    yield from _still(problem)
    yield Finding(KINDS[1], "batches", _batches(problem))
    yield Finding(KINDS[1], "random numbers", _draws(problem))
    miss = gradient_miss(problem)
    if miss > AGREE:
        yield Finding(KINDS[1], "gradient", NO_SLOPE.format(100 * miss), alarms=True)
    found = second_derivatives(problem)
    yield Finding(
        KINDS[1], "curvature", found.sentence, alarms=found.lopsided or bool(found.why and not found.confirmed)
    )
    yield Finding(KINDS[1], "single examples", single_examples(problem).how)


def _still(problem: Problem) -> Iterator[Finding]:
    idle, zero = idle_parameters(problem), zero_tensors(problem)
    if idle:
        says = f"The loss does not feel {_names(idle)} on the examples tried, so directions in them are flat."
        yield Finding(KINDS[1], "unused", says, alarms=True)
    if zero:
        says = (
            f"{_names(zero)} hold zeros only, as fresh adapters do: directions scaled to the filters leave them still. For an "
            "adapter use normalize='product' (--normalize product), which measures the product of both factors, or 'layer', which "
            "takes them together; normalize='none' moves all."
        )
        yield Finding(KINDS[1], "zeros", says, alarms=True)


def _batches(problem: Problem) -> str:
    size = required_batch_size(problem)
    if size is None:
        return "Examples do not change each other's losses, so the data are cut as is fastest."
    whole = size == problem.example_count
    how = "all examples at once" if whole else f"batches of {size:,} examples, in their order"
    if examples_coupled(problem):
        chosen = (
            "as chosen"
            if problem.batches is not None
            else "as no batches were named; name them by Problem(…, batches=…)"
        )
        return f"The examples of a batch change each other's losses: the loss is the mean over {how}, {chosen}."
    return f"The loss is taken over {how}, at every point and in every stage."


def _draws(problem: Problem) -> str:
    if not draws_numbers(problem):
        return "None are drawn in the forward pass."
    if problem.draws == 1:
        return "The forward pass draws some: the same ones at every point. Average over more by Problem(…, draws=8)."
    return f"The forward pass draws some: the mean over {problem.draws} draws, the same at every point, with its error."


def _missing(problem: Problem) -> Iterator[Finding]:
    reasons: dict[str, list[str]] = {}
    for variable, why in wanted(problem, ("all",)).reasons.items():
        reasons.setdefault(why, []).append(LABELS.get(variable, variable))
    for why, labels in reasons.items():
        yield Finding(KINDS[2], _names(labels, quoted=False), why)


LABELS = {readout.variable: readout.label for owner in OWNERS for readout in owner.readouts}


def _names(names: list[str], quoted: bool = True) -> str:
    shown = ", ".join(f"'{name}'" if quoted else name for name in names[:MOST_NAMES])
    return shown if len(names) <= MOST_NAMES else f"{shown} and {len(names) - MOST_NAMES} more"
