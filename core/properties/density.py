"""Density, coarse / fine: the divergence D_KL(P_data ‖ P_model) (Kullback & Leibler 1951)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from ..likelihood import IGNORED, Gaussian
from .protocol import Forward, Measure, Points, Readout, Settings

if TYPE_CHECKING:
    from ..plane import Plane
    from ..problem import Problem


class Density:
    """kl = (1/N) Σ_n Σ_k p(k|x_n) ln[p(k|x_n) / p_θ(k|x_n)], in nats.

    Where the data's law is known the sum is taken exactly. Else it is the cross-entropy minus the data's own
    entropy: the soft labels' entropy, the entropy that the user states, or 0 for one-hot labels.
    """

    name = "density"
    readouts = (
        Readout(
            "kl",
            "density",
            "Divergence D_KL",
            "nats",
            "The Kullback–Leibler divergence of the model's distribution from the data's, averaged over the "
            "examples: 0 where the model gives the data's own probabilities.",
            poles=("fine", "coarse"),
            needs=("likelihood", "entropy"),
            scale="log",
        ),
    )

    def measures(self, problem: Problem) -> tuple[Measure, ...]:
        return () if problem.law is None else (Measure(("law_divergence",), _law_divergence),)

    def facts(self, problem: Problem, plane: Plane) -> dict[str, Any]:
        return {"entropy": data_entropy(problem), "exact": problem.law is not None}

    def values(self, points: Points, settings: Settings) -> dict[str, np.ndarray]:
        return {"density": divergence(points, points.facts["density"])}


def divergence(points: Points, facts: Mapping[str, Any]) -> np.ndarray:
    """D_KL(P_data ‖ P_model) in nats at each point, (m,), from the measured means and `Density.facts`."""
    if "law_divergence" in points.columns:
        return points.columns["law_divergence"]
    difference: np.ndarray = points.columns["loss"] - facts["entropy"]
    return difference


def data_entropy(problem: Problem) -> float:
    """The data's own entropy in nats per prediction: the floor of the expected loss.

    That of the known law, the stated one, that of soft labels, or 0 for one-hot labels.
    """
    if problem.law is not None:
        return _law_entropy(problem, problem.law.double())
    if problem.data_entropy is not None:
        return float(problem.data_entropy)
    if problem.likelihood.is_categorical and problem.targets.is_floating_point():
        return float(_entropies(problem.targets.double()).mean())
    return 0.0


def _law_entropy(problem: Problem, law: Tensor) -> float:
    if isinstance(problem.likelihood, Gaussian):
        return 0.5 * math.log(2 * math.pi * math.e * problem.likelihood.sigma**2) * (law.numel() // len(law))
    predicted = problem.targets != IGNORED if problem.ignores else slice(None)
    return float(_entropies(law)[predicted].mean())


def _entropies(p: Tensor) -> Tensor:
    return -torch.special.xlogy(p, p).sum(-1)


def _law_divergence(forward: Forward) -> Tensor:
    return forward.divergences.sum(dtype=torch.float64)[None]
