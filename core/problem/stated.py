"""A likelihood stated beside a loss that is none: what accuracy, probability, perplexity and the true Fisher are then of.

Dice, focal and other losses of one's own measure how well a network does, and its outputs may all the same be logits of classes.
The loss, its gradient, Hessian, Gauss-Newton matrix and empirical Fisher are of the loss; −ln p and what follows from the
predicted distribution are of the likelihood.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from ..checks import InputError
from .likelihoods.protocol import Likelihood
from .resolve import resolve

if TYPE_CHECKING:
    from .problem import Problem

ALIASES = {"softmax": "cross_entropy", "sigmoid": "bernoulli"}  # by the function that makes probabilities of logits
SAID = (
    "Accuracy, probability, perplexity and the true Fisher are of the likelihood '{}' stated beside the loss; the loss, its "
    "gradient, Hessian, Gauss-Newton matrix and empirical Fisher are of the loss."
)


def stated_likelihood(loss: Likelihood, likelihood: str | Likelihood) -> Likelihood:
    """The likelihood that is meant beside `loss`.

    Raises
    ------
    InputError  it states no probability; a loss that is a likelihood itself, or that has no outputs between

    >>> from .likelihoods.custom import Custom
    >>> stated_likelihood(Custom(lambda z, y: z.square().sum(1)), "softmax").name
    'cross_entropy'
    """
    if loss.is_likelihood:
        raise InputError(
            f"likelihood= is for a loss that states no probability, but the loss '{loss.name}' is a likelihood: leave it out."
        )
    if loss.sees == "network":
        raise InputError(
            "A loss that calls the network itself has no outputs that a likelihood could be of: give Problem(model, inputs, "
            "targets, loss=…, likelihood=…) with a loss (outputs, targets) → losses."
        )
    if loss.sees != "everything":
        raise InputError(
            f"likelihood= is taken beside a loss of your own, but the loss is '{loss.name}': write it as a function, as "
            "loss=lambda outputs, targets: (outputs - targets).square().flatten(1).mean(1)."
        )
    stated = resolve(ALIASES.get(likelihood, likelihood) if isinstance(likelihood, str) else likelihood)
    if not stated.is_likelihood:
        raise InputError(
            f"likelihood= should state a probability, but '{stated.name}' states none: give 'cross_entropy', 'bernoulli', "
            "'poisson' or Gaussian(sigma)."
        )
    return stated


def likelihood_alone(problem: Problem) -> Problem:
    """The same network and data with the likelihood stated beside the loss as the loss, under the tests of its own."""
    assert problem.beside is not None
    part = copy.copy(problem)
    part.beside, trial = None, problem.beside
    part.likelihood, part.classes = trial.likelihood, trial.classes
    part.reader, part.gives_tensor = trial.reader, trial.gives_tensor
    part.trials = problem.trials.setdefault("stated", {})
    return part
