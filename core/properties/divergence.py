"""The mean surprise −ln p of the data beside the data's own entropy: their difference is the divergence D_KL(P_data ‖ P_model)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..network.forward import Forward, Measure
from ..problem.problem import Problem
from .protocol import Points

ROUNDING = 1e-6  # of a mean in float32


def divergence_measures(problem: Problem) -> tuple[Measure, ...]:
    """The sums that `divergence` needs: over the law where it is known, and of −ln p where the loss is not that."""
    law = () if problem.law is None else (Measure(("law_divergence",), _law_divergence),)
    return (*law, *surprise_measures(problem))


def divergence(points: Points, facts: Mapping[str, Any]) -> np.ndarray:
    """D_KL(P_data ‖ P_model) in nats at each point, (m,), from the measured means and `DensityProperty.facts`.

    A divergence is never below zero. Where the mean surprise is below the data's entropy, the entropy is not that of these data
    (another's, or that of a law of which these are a lucky sample), and the divergence is not known there: NaN.
    """
    if "law_divergence" in points.columns:
        return points.columns["law_divergence"]
    difference: np.ndarray = surprise(points) - facts["entropy"]
    found: np.ndarray = np.where(difference < -rounding(facts["entropy"]), np.nan, np.maximum(difference, 0.0))
    return found if facts["entropy"] else difference


def rounding(entropy: float) -> float:
    """How far below the entropy, in nats, a mean surprise may be by rounding alone."""
    return ROUNDING * max(1.0, abs(entropy))


def surprise_measures(problem: Problem) -> tuple[Measure, ...]:
    """The mean of −ln p of the data, where it is a likelihood's and not the loss itself: class weights, weight decay …"""
    if not problem.stated.likelihood.is_likelihood or problem.states_loss:
        return ()
    return (Measure(("surprise",), _surprise),)


def surprise(points: Points) -> np.ndarray:
    """Mean −ln p of the data at each point, in nats, (m,)."""
    found: np.ndarray = points.columns["surprise" if "surprise" in points.columns else "loss"]
    return found


def data_entropy(problem: Problem) -> float:
    """The data's own entropy in nats per prediction: the floor of the expected loss.

    That of the known law, the stated one, that of soft labels, or 0 for one-hot labels.
    """
    problem = problem.stated
    if problem.law is not None:
        return _law_entropy(problem, problem.law.double())
    if problem.data_entropy is not None:
        return float(problem.data_entropy)
    return problem.likelihood.target_entropy(problem.targets)


def _law_entropy(problem: Problem, law: Tensor) -> float:
    rows, predicted = problem.likelihood.law_rows(law), None
    if problem.ignores:
        predicted = problem.likelihood.predicted(problem.likelihood.target_rows(problem.targets))
    return problem.likelihood.law_entropy(rows if predicted is None else rows[predicted])


def _surprise(forward: Forward) -> Tensor:
    return forward.negative_log_likelihoods.sum(dtype=torch.float64)[None]


def _law_divergence(forward: Forward) -> Tensor:
    return forward.divergences.sum(dtype=torch.float64)[None]
