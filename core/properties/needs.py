"""What a readout may need of a problem, and the one sentence that says why it is not there."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from .protocol import NavigatorProperty, Readout
from .vocabulary import vocabulary

if TYPE_CHECKING:
    from ..problem.problem import Problem

Reason = str | None


def _likelihood(problem: Problem) -> Reason:
    if problem.likelihood.is_likelihood:
        return None
    return (
        f"The loss '{problem.likelihood.name}' states no probability of the data; with squared error, "
        "state the variance: loss=Gaussian(sigma)."
    )


def _entropy(problem: Problem) -> Reason:
    if problem.likelihood.is_categorical or problem.data_entropy is not None or problem.law is not None:
        return None
    return (
        "The entropy of the data's own law is not known, and for real-valued targets it is not zero: "
        "state it, Problem(…, data_entropy=…) in nats, or give the law."
    )


def _classes(problem: Problem) -> Reason:
    return (
        None
        if problem.likelihood.is_categorical
        else "The outputs are no classes or tokens, so there is no softmax over them."
    )


def _anchor(problem: Problem) -> Reason:
    if problem.anchor is not None or problem.likelihood.is_likelihood:
        return None
    return (
        f"It needs an anchor (θ*, F*), and from the loss '{problem.likelihood.name}' no Fisher information follows: "
        "give Problem(…, anchor=Anchor(…)), or loss=Gaussian(sigma)."
    )


def _trajectory(problem: Problem) -> Reason:
    if problem.trajectory is not None:
        return (
            None
            if problem.trajectory.length > 0
            else "All checkpoints of the trajectory are the same, so there is no path."
        )
    return f"No training trajectory is given. {vocabulary()['memory'].flags[0]}"


NEEDS: dict[str, Callable[[Problem], Reason]] = {
    "likelihood": _likelihood,
    "entropy": _entropy,
    "classes": _classes,
    "anchor": _anchor,
    "trajectory": _trajectory,
}


def missing(readout: Readout, problem: Problem) -> Reason:
    """Why `readout` cannot be had for `problem`, or None where it can."""
    reasons = (NEEDS[need](problem) for need in readout.needs)
    return next((reason for reason in reasons if reason), None)


def unavailable(wanted: NavigatorProperty, problem: Problem) -> dict[str, str]:
    """variable → reason for every readout of a property that `problem` does not allow."""
    found = {readout.variable: missing(readout, problem) for readout in wanted.readouts}
    return {variable: reason for variable, reason in found.items() if reason}
