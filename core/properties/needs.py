"""The needs that a readout may have of a problem, each with the sentence that is said where it is not met."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..network.batch_dependence import WHY_NONE_ALONE
from ..network.batching import none_alone

if TYPE_CHECKING:
    from ..problem.problem import Problem
    from .protocol import Owner, Readout

Reason = str | None


def likelihood(problem: Problem) -> Reason:
    """Needs a loss that is the negative logarithm of a probability of the data, or such a likelihood stated beside it."""
    if problem.stated.likelihood.is_likelihood:
        return None
    return f"{_stated_by(problem)} states no probability of the data{_by_variance(problem)}."


def entropy(problem: Problem) -> Reason:
    """Needs the entropy of the data's own law."""
    if problem.stated.likelihood.is_categorical or problem.data_entropy is not None or problem.law is not None:
        return None
    return (
        "The entropy of the data's own law is not known, and for real-valued targets it is not zero: "
        "state it, Problem(…, data_entropy=…) in nats, or give the law."
    )


def classes(problem: Problem) -> Reason:
    """Needs a softmax over classes or tokens."""
    return (
        None
        if problem.stated.likelihood.is_categorical
        else "The loss is not stated to be of classes or tokens, so there is no softmax over them; where there are classes, "
        "Problem(…, likelihood='softmax') beside a loss of your own has it."
    )


def examples(problem: Problem) -> Reason:
    """Needs examples with a loss of their own, whatever the others of the batch."""
    return WHY_NONE_ALONE if none_alone(problem) else None


def predictions(problem: Problem) -> Reason:
    """Needs predictions with a likelihood of their own, or a loss, whatever the others of the batch."""
    return examples(problem.stated)


def outputs(problem: Problem) -> Reason:
    """That the loss is of the network's outputs, between which and the parameters a Gauss-Newton or Fisher matrix stands."""
    if problem.likelihood.sees == "network":
        return "A loss of the network itself has no outputs between, so there is no Fisher or Gauss-Newton matrix."
    if problem.stated.likelihood.is_likelihood or problem.gives_tensor:
        return None
    return (
        "The network gives more than one tensor, of which the loss states no probability, so there is no Fisher matrix of single "
        "predictions."
    )


def anchor(problem: Problem) -> Reason:
    """Needs a configuration to be pulled back to, or a network that can be its own."""
    if problem.anchor is not None:
        return None
    if none_alone(problem.stated):
        return f"{WHY_NONE_ALONE} So no Fisher information follows: give Problem(…, anchor=Anchor(…))."
    if problem.stated.likelihood.is_likelihood:
        return None
    return (
        f"It needs an anchor (θ*, F*): {_stated_by(problem)[0].lower()}{_stated_by(problem)[1:]} states no probability, from which "
        f"Fisher information would follow. Give {_door(problem)}(…, anchor=Anchor(…)){_by_variance(problem)}."
    )


def _stated_by(problem: Problem) -> str:
    if problem.likelihood.sees == "network":
        return "A loss of the network itself"
    return f"The loss '{problem.likelihood.name}'"


def _by_variance(problem: Problem) -> str:
    """The remedy where the loss is a squared error; a loss that calls the network itself has no outputs to say it of."""
    if problem.likelihood.sees == "network":
        return ""
    own = "; with classes, likelihood='softmax' beside the loss" if problem.likelihood.sees == "everything" else ""
    return f"; with squared error, state the variance: loss=Gaussian(sigma){own}"


def _door(problem: Problem) -> str:
    return "Problem.from_loss" if problem.likelihood.sees == "network" else "Problem"


def missing(readout: Readout, problem: Problem) -> Reason:
    """Why `readout` cannot be had for `problem`, or None where it can."""
    reasons = (need(problem) for need in readout.needs)
    return next((reason for reason in reasons if reason), None)


def unavailable(owner: Owner, problem: Problem) -> dict[str, str]:
    """variable → reason for every readout of a property that `problem` does not allow."""
    found = {readout.variable: missing(readout, problem) for readout in owner.readouts}
    return {variable: reason for variable, reason in found.items() if reason}
