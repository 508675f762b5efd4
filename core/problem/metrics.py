"""Measures of a person's own of how good a network is, beside its loss: F1, top 5, word error rate."""

from __future__ import annotations

import keyword
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

from torch import Tensor

from ..checks import InputError
from .likelihoods.vocabulary import VocabularyInChunks

if TYPE_CHECKING:
    from .problem import Problem

Metric = Callable[[Any, Tensor], Any]


def checked_metrics(metrics: Mapping[str, Metric] | None, problem: Problem) -> dict[str, Metric]:
    """Name → function (outputs, targets) → a number, or one for each example, as a problem keeps them.

    Raises
    ------
    InputError  no dict of functions; a name that is none in Python; a network whose outputs no function can be handed
    """
    if metrics is None:
        return {}
    if not isinstance(metrics, Mapping):
        raise InputError(
            f"metrics should be a dict of functions by their names, such as {{'f1': f1}}, but is a {type(metrics).__name__}."
        )
    for name, metric in metrics.items():
        if not isinstance(name, str) or not name.isidentifier() or keyword.iskeyword(name) or name.startswith("_"):
            raise InputError(
                f"The metric {name!r} should be called by a name in letters, digits and _ that begins with a letter, such as 'f1'."
            )
        if not callable(metric):
            raise InputError(
                f"The metric '{name}' should be a function (outputs, targets) → a number, or one for each example, but is a "
                f"{type(metric).__name__}."
            )
    if metrics and problem.likelihood.sees == "network":
        raise InputError(
            "A loss that calls the network itself has no outputs that a metric could be handed: leave metrics out, or give "
            "Problem(model, inputs, targets, loss=…)."
        )
    if metrics and isinstance(problem.likelihood, VocabularyInChunks):
        raise InputError(
            "The logits of this large vocabulary are made in chunks, so that no metric can be handed them as a whole: leave metrics "
            "out, or give Problem(model, inputs, targets, output='logits')."
        )
    return dict(metrics)


def metric_notes(metrics: Collection[str]) -> tuple[str, ...]:
    """A sentence on which there are.

    >>> metric_notes(["f1", "top5"])
    ("Measured beside the loss, of the outputs of all examples at once: 'f1', 'top5'.",)
    """
    names = ", ".join(f"'{name}'" for name in metrics)
    return (f"Measured beside the loss, of the outputs of all examples at once: {names}.",) if names else ()
