"""Probability, high / low: how peaked the softmax is at temperature T (Bishop 2006 ch. 4).

Confidence and entropy are measured on a ladder of temperatures in one pass, and read between its rungs by
monotone interpolation; on a rung, T = 1 among them, the number is the measured one.
"""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from scipy.interpolate import PchipInterpolator
from torch import Tensor

from ..network.forward import Forward, Measure
from . import needs
from .protocol import Knob, NavigatorProperty, Points, Readout
from .vocabulary import DERIVED, Entry

if TYPE_CHECKING:
    from ..plane.plane import Plane
    from ..problem.problem import Problem
    from .settings import Settings

CACHED_NUMBERS = 2**18  # of a softmax at several temperatures, which stay in a core's cache
LADDER = tuple(float(2.0 ** (k / 2)) for k in range(-4, 5))  # T from 1/4 to 4 in steps of √2
TURNED = tuple(sorted({*(round(2 ** (k / 8), 3) for k in range(-16, 17)), LADDER[0], LADDER[-1], 1.0}))


class Probability(NavigatorProperty):
    """confidence = mean_n max_k p(k|x_n); entropy = mean_n H(p(·|x_n)) / ln K; p = softmax(z / T)."""

    name = "probability"
    colormap, line_color = "plasma", "#B97F00"
    entry = Entry(
        poles=("high", "low"),
        role=DERIVED,
        meaning=(
            "How peaked the output distribution is at inference. High is said to go with sharp, narrow "
            "valleys; low with flat regions and saddle points."
        ),
        formula=r"P(x_i) = \exp(z_i/T) / \sum_j \exp(z_j/T)",
        sources=("Bishop 2006, ch. 4",),
    )
    readouts = (
        Readout(
            "confidence",
            "probability",
            "Confidence",
            "",
            "The probability of the most likely class, averaged over the examples: 1/K where the model knows "
            "nothing, 1 where it is sure.",
            poles=("low", "high"),
            needs=(needs.classes,),
        ),
        Readout(
            "entropy",
            "probability_entropy",
            "Output entropy",
            "",
            "The entropy of the output distribution over ln K, averaged over the examples: 1 is uniform, 0 certain.",
            poles=("high", "low"),
            needs=(needs.classes,),
        ),
    )

    knobs = (Knob("temperature", "Temperature T", 1.0, low=LADDER[0], high=LADDER[-1], open=False, choices=TURNED),)

    def measures(self, problem: Problem) -> tuple[Measure, ...]:
        columns = tuple(f"{what}@{t:.6g}" for what in ("confidence", "entropy") for t in LADDER)
        return (Measure(columns, _ladder_sums),)

    def facts(self, problem: Problem, plane: Plane) -> dict[str, Any]:
        return {"classes": problem.classes}

    def values(self, points: Points, settings: Settings) -> dict[str, np.ndarray]:
        scale = math.log(max(points.facts["probability"]["classes"], 2))
        confidence = at_temperature(points.columns, "confidence", settings.temperature)
        entropy = at_temperature(points.columns, "entropy", settings.temperature)
        return {"probability": confidence, "probability_entropy": entropy / scale}

    def notes(self, points: Points, settings: Settings) -> dict[str, dict[str, float]]:
        """How wrong a number between two rungs of the ladder may be."""
        if settings.temperature == 1.0:
            return {}
        read = {"probability": "confidence", "probability_entropy": "entropy"}
        return {v: {"interpolation_error": interpolation_error(points.columns, what)} for v, what in read.items()}


def at_temperature(columns: Any, what: str, temperature: float) -> np.ndarray:
    """The ladder's readings of `what` interpolated in ln T (monotone cubic, Fritsch & Carlson 1980), (m,)."""
    rungs = np.stack([columns[f"{what}@{t:.6g}"] for t in LADDER])
    if temperature in LADDER:
        return rungs[LADDER.index(temperature)]
    return _interpolated(np.log(LADDER), rungs, math.log(temperature))


def interpolation_error(columns: Any, what: str) -> float:
    """Largest error of reading each inner rung from a ladder without it: at twice the spacing, so a bound in practice."""
    rungs = np.stack([columns[f"{what}@{t:.6g}"] for t in LADDER])
    places = np.log(LADDER)
    errors = []
    for left_out in range(1, len(LADDER) - 1):
        kept = np.arange(len(LADDER)) != left_out
        errors.append(np.abs(_interpolated(places[kept], rungs[kept], places[left_out]) - rungs[left_out]))
    found = np.array(errors)
    return float(found[np.isfinite(found)].max(initial=0.0))


def _interpolated(places: np.ndarray, rungs: np.ndarray, place: float) -> np.ndarray:
    finite = np.isfinite(rungs).all(0)
    result = np.full(rungs.shape[1], np.nan)
    if finite.any():
        result[finite] = PchipInterpolator(places, rungs[:, finite], axis=0)(place)
    return result


@functools.cache
def _rungs(device: torch.device, dtype: torch.dtype) -> Tensor:
    """The ladder as (T, 1, 1), made once for each device: making it anew would wait for a GPU."""
    return torch.tensor(LADDER, device=device, dtype=dtype)[:, None, None]


def _ladder_sums(forward: Forward) -> Tensor:
    exponents = forward.below_top
    rungs = _rungs(exponents.device, exponents.dtype)
    at_once = max(1, CACHED_NUMBERS // max(1, exponents.numel())) if exponents.device.type == "cpu" else len(LADDER)
    parts = [_sums_at(exponents / part) for part in rungs.split(at_once)]
    return torch.cat([torch.cat(sums) for sums in zip(*parts, strict=True)])


def _sums_at(exponents: Tensor) -> tuple[Tensor, Tensor]:
    """Sums of confidence and entropy over predictions, (T,) each, from exponents (T, K, m), all ≤ 0."""
    weights = exponents.exp()
    total = weights.sum(1)
    # an excluded token has z = −∞: its weight is 0, and 0 · −∞ must count as 0
    energy = weights.mul_(exponents.clamp_min_(torch.finfo(exponents.dtype).min)).sum(1)
    confidence = total.reciprocal().sum(1, dtype=torch.float64)
    entropy = (total.log() - energy / total).sum(1, dtype=torch.float64)
    return confidence, entropy
