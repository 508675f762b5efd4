"""How the network does on each example by itself, at one point of parameter space: loss, confidence, gradient norm."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from ..checks import UNFIT, InputError, first_line
from ..curvature.example_gradients import example_gradients
from ..curvature.loss_function import LossFunction
from ..network.workspace import Batch
from ..problem.likelihoods.protocol import Likelihood
from ..problem.problem import Problem
from ..problem.trial import passes


def example_readouts(function: LossFunction) -> tuple[dict[str, np.ndarray], np.ndarray, dict[str, str]]:
    """Loss, perplexity, confidence, gradient norm and label of each example, (n,) each; the perplexity's logarithm, which
    does not overflow; and why the rest is not there.

    NaN for an example that predicts nothing and where the loss is not finite.
    """
    problem, kind = function.problem, function.problem.stated.likelihood
    losses, surprises, confidences = _losses_and_confidences(function)
    norms, reason = _gradient_norms(function)
    readouts, unavailable = {"loss": losses}, {}
    if kind.is_likelihood:
        with np.errstate(over="ignore"):
            readouts["perplexity"] = np.exp(surprises)
    else:
        unavailable["perplexity"] = f"the loss '{kind.name}' states no likelihood, so it has no perplexity"
    if confidences is not None:
        readouts["confidence"] = confidences
    else:
        unavailable["confidence"] = "the network gives no probabilities of classes"
    if reason is None:
        readouts["gradient_norm"] = np.where(np.isfinite(losses), norms, np.nan)
    else:
        unavailable["gradient_norm"] = reason
    labels = kind.example_labels(problem.targets)
    if isinstance(labels, str):
        unavailable["label"] = labels
    else:
        readouts["label"] = labels.cpu().numpy()
    return readouts, surprises, unavailable


def function_at(
    problem: Problem, at: Mapping[str, Tensor] | None, device: str | torch.device, dtype: torch.dtype | None
) -> LossFunction:
    """The loss at the point, the workspace's network standing there too."""
    size = problem.example_count if problem.batchnorm == "recalibrate" else None
    if not problem.likelihood.is_per_example:
        size = 1
    function = LossFunction(problem, at, device, dtype, size)
    function.workspace.flat.copy_(function.point)
    return function.calibrate()


def example_losses(
    problem: Problem, at: Mapping[str, Tensor] | None = None, device: str | torch.device = "auto"
) -> np.ndarray:
    """The mean loss of each example's predictions at a point (None: θ₀), (n,); NaN for one that predicts nothing.

    Raises
    ------
    InputError  the loss is no sum over examples, so that none has a loss of its own
    """
    if not problem.likelihood.is_per_example:
        raise InputError(
            f"The loss '{problem.likelihood.name}' is of a whole batch, so no example has one of its own: give a loss per example."
        )
    losses, _, _ = _losses_and_confidences(function_at(problem, at, device, None))
    return losses


def notes(problem: Problem, losses: np.ndarray, norms: np.ndarray) -> list[str]:
    """One sentence for each kind of example that lacks numbers; `norms` empty where there are none."""
    count, silent = problem.example_count, np.zeros(problem.example_count, bool)
    if problem.ignores:
        predicted = problem.likelihood.predicted(problem.likelihood.target_rows(problem.targets))
        assert predicted is not None
        silent = (~predicted.reshape(count, -1)).all(1).cpu().numpy()
    lost = ~np.isfinite(losses) & ~silent
    said = [f"{silent.sum():,} of {count:,} examples predict nothing and have no numbers."] if silent.any() else []
    if lost.any():
        said.append(
            f"The loss of {lost.sum():,} of {count:,} examples is not finite at this point; they are left out of the claims."
        )
    steep = int((np.isfinite(losses) & ~np.isfinite(norms)).sum()) if len(norms) else 0
    if steep:
        said.append(
            f"The gradient of {steep:,} of {count:,} examples is not finite at this point, though their loss is."
        )
    return said


def _losses_and_confidences(function: LossFunction) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Losses of the loss; surprises and confidences of it, or of the likelihood stated beside it."""
    losses, surprises, confidences = _of_one_loss(function)
    if function.problem.beside is not None:
        _, surprises, confidences = _of_one_loss(_another(function, function.problem.stated))
    return losses, surprises, confidences


def _of_one_loss(function: LossFunction) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Mean loss, mean −ln p and, where outputs are classes, mean max softmax over each example's predictions, and over draws."""
    kind, problem = function.problem.likelihood, function.problem
    losses, surprises, tops = [], [], []
    for batch in function.workspace.batches:
        with passes(problem.differentiates):
            outputs = function.predictions(function.point, batch)
            targets, count = batch.targets, len(batch.shaped_targets)
            if kind.is_categorical:
                # in float32 the loss of a sure network is 0 for most examples, and ties have no rank
                outputs, targets = outputs.double(), targets.double() if targets.is_floating_point() else targets
            each = kind.losses(outputs, targets).detach()
            owners = _owners(kind, batch, len(each))
            losses.append(_means(each, owners, count))
            surprising = kind.is_likelihood and not kind.states_loss
            surprise = kind.negative_log_likelihoods(outputs, targets).detach() if surprising else each
            surprises.append(_means(surprise, owners, count))
            if kind.is_categorical:
                tops.append(_means(kind.class_logits(outputs).softmax(-1).amax(-1).detach(), owners, count))
    means = [_over_draws(each, problem.draws) for each in (losses, surprises, tops)]
    return means[0] + function.penalty(function.point), means[1], means[2] if tops else None


def _another(function: LossFunction, problem: Problem) -> LossFunction:
    """The loss of another problem on the same network at the same point."""
    other = LossFunction(problem, None, function.workspace.device, network=function.workspace)
    other.point = function.point
    return other


def _over_draws(pieces: list[np.ndarray], draws: int) -> np.ndarray:
    return _finite(np.concatenate(pieces).reshape(draws, -1).mean(0)) if pieces else np.empty(0)


def _gradient_norms(function: LossFunction) -> tuple[np.ndarray, str | None]:
    """‖∇ of each example's own mean loss‖, (n,) float64; and why there are none, where there are none."""
    problem = function.problem
    try:
        pieces = [piece.double().norm(dim=1).cpu().numpy() for piece in example_gradients(function)]
    except InputError as error:
        return np.full(problem.example_count, np.nan), first_line(error)
    except UNFIT as error:  # whatever torch does not know of a user's network
        reason = f"torch cannot differentiate this network example by example ({first_line(error)})"
        return np.full(problem.example_count, np.nan), reason
    return _finite(np.concatenate(pieces)), None


def _owners(kind: Likelihood, batch: Batch, rows: int) -> Tensor:
    """For each prediction, which example of the batch it belongs to."""
    places = torch.arange(rows, device=batch.targets.device) if batch.predicted is None else batch.predicted
    every = len(kind.target_rows(batch.shaped_targets))
    return places // max(1, every // len(batch.shaped_targets))


def _means(values: Tensor, owners: Tensor, count: int) -> np.ndarray:
    sums = torch.zeros(count, dtype=torch.float64, device=values.device).index_add_(0, owners, values.double())
    return (sums / torch.bincount(owners, minlength=count)).cpu().numpy()  # 0/0, NaN, where nothing is predicted


def _finite(values: np.ndarray) -> np.ndarray:
    return np.where(np.isfinite(values), values, np.nan)
