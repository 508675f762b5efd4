"""Perplexity, high / low: exp of the mean negative log-likelihood (Shannon 1948; Manning & Schütze 1999 ch. 3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..network.forward import Measure
from ..problem.likelihoods.gaussian import Gaussian
from ..problem.likelihoods.heads import GaussianHeads
from . import needs
from .density import DensityProperty, divergence, surprise
from .protocol import NavigatorProperty, Points, Readout
from .vocabulary import DERIVED, Entry

if TYPE_CHECKING:
    from ..plane.plane import Plane
    from ..problem.problem import Problem
    from .settings import Settings


class PerplexityProperty(NavigatorProperty):
    """perplexity = exp(mean −ln p), which is exp(L) where the loss is that and no more; excess = exp(kl), the perplexity over the
    data's own.

    Uniform probabilities over K outcomes give exactly K.
    """

    name = "perplexity"
    colormap, line_color = "magma", "#D55E00"
    entry = Entry(
        poles=("high", "low"),
        role=DERIVED,
        meaning=(
            "Average surprise: the exponential of the cross-entropy. High where the terrain is unmapped or "
            "contested; the marks of a turbulent training are read off a deployed model here."
        ),
        formula=r"PP(W) = P(w_1 \dots w_N)^{-1/N} = 2^{H(W)}",
        sources=("Shannon 1948", "Manning & Schütze 1999, ch. 3"),
    )
    readouts = (
        Readout(
            "perplexity",
            "perplexity",
            "Perplexity",
            "",
            "The exponential of the mean loss: as many equally likely outcomes would surprise the model as much.",
            poles=("low", "high"),
            needs=(needs.likelihood,),
            scale="log",
        ),
        Readout(
            "excess",
            "perplexity_excess",
            "Excess perplexity",
            "",
            "The perplexity over the data's own, exp(D_KL): 1 for a perfect model.",
            poles=("low", "high"),
            needs=(needs.likelihood, needs.entropy),
            scale="log",
        ),
    )

    def __init__(self, density: DensityProperty) -> None:
        self._density = density

    def measures(self, problem: Problem) -> tuple[Measure, ...]:
        return self._density.measures(problem)

    def facts(self, problem: Problem, plane: Plane) -> dict[str, Any]:
        return {**self._density.facts(problem, plane), "unit": _unit(problem)}

    def values(self, points: Points, settings: Settings) -> dict[str, np.ndarray]:
        excess = divergence(points, points.facts["perplexity"])
        with np.errstate(over="ignore"):  # a loss above 709 nats has no perplexity in float64: infinity says so
            return {"perplexity": np.exp(surprise(points)), "perplexity_excess": np.exp(excess)}

    def notes(self, points: Points, settings: Settings) -> dict[str, dict[str, Any]]:
        """The unit of a perplexity that is the inverse of a density: the excess over the data's own has none."""
        unit = points.facts["perplexity"].get("unit", "")
        return {"perplexity": {"units": unit}} if unit else {}


def _unit(problem: Problem) -> str:
    """Empty for outcomes that are counted; of values on a scale a density has the inverse of their unit, in each dimension.

    y in metres and in centimetres give perplexities 100ᵈ apart for d dimensions.
    """
    if not isinstance(problem.stated.likelihood, (Gaussian, GaussianHeads)):
        return ""
    dimensions = problem.targets[0].numel()
    return "unit of y" if dimensions == 1 else f"(unit of y)^{dimensions}"
