"""Probability, high / low: how peaked the softmax is at temperature T (Bishop 2006 ch. 4), and whether it is right to be.

Confidence and entropy are measured on a ladder of temperatures in one pass, and read between its rungs by
monotone interpolation; on a rung, T = 1 among them, the number is the measured one.
"""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy
import torch
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
BINS = 10  # of confidence, equally wide
BIN_COLUMNS = tuple(f"calibration_{what}@{b}" for what in ("count", "miss", "square") for b in range(BINS))
TURNED = tuple(sorted({*(round(2 ** (k / 8), 3) for k in range(-16, 17)), LADDER[0], LADDER[-1], 1.0}))


def _uniform(points: Points) -> float:
    """The entropy of the uniform distribution, in nats: what `probability_entropy` is a share of."""
    return math.log(max(points.facts["probability"]["classes"], 2))


class ProbabilityProperty(NavigatorProperty):
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
        Readout(
            "right",
            "probability_right",
            "Probability of the right class",
            "",
            "The probability that the model gives to the right class, averaged over the examples. Below confidence where it is "
            "surer than it is right.",
            poles=("low", "high"),
            needs=(needs.classes,),
        ),
        Readout(
            "calibration",
            "probability_calibration",
            "Calibration error (ECE)",
            "",
            "How far confidence and accuracy lie apart in bins of confidence, averaged over the examples (expected calibration "
            "error, Guo et al. 2017), less what chance alone makes of it with so many examples (Kumar et al. 2019). At T = 1. "
            "Near 0 the model is as often right as it says.",
            needs=(needs.classes,),
            scale="linear",
        ),
    )

    knobs = (Knob("temperature", "Temperature T", 1.0, low=LADDER[0], high=LADDER[-1], open=False, choices=TURNED),)

    def measures(self, problem: Problem) -> tuple[Measure, ...]:
        if needs.classes(problem) is not None:  # then there is no readout either
            return ()
        columns = tuple(f"{what}@{t:.6g}" for what in ("confidence", "entropy") for t in LADDER)
        right = tuple(f"right@{t:.6g}" for t in LADDER)
        return (Measure(columns, _ladder_sums), Measure(right, _right_sums), Measure(BIN_COLUMNS, bin_sums))

    def facts(self, problem: Problem, plane: Plane) -> dict[str, Any]:
        return {"classes": problem.stated.classes, "predictions": problem.stated.prediction_count}

    def values(self, points: Points, settings: Settings) -> dict[str, np.ndarray]:
        scale = _uniform(points)
        confidence = at_temperature(points.columns, "confidence", settings.temperature)
        entropy = at_temperature(points.columns, "entropy", settings.temperature)
        readouts = {"probability": confidence, "probability_entropy": entropy / scale}
        if f"right@{LADDER[0]:.6g}" in points.columns:
            readouts["probability_right"] = at_temperature(points.columns, "right", settings.temperature)
            bins = np.stack([points.columns[name] for name in BIN_COLUMNS]).reshape(3, BINS, -1)
            error = calibration_error(bins, points.facts["probability"]["predictions"])
            readouts |= dict(zip(("probability_calibration", "probability_calibration_se"), error, strict=True))
        return readouts

    def notes(self, points: Points, settings: Settings) -> dict[str, dict[str, float]]:
        """How wrong a number between two rungs of the ladder may be."""
        if settings.temperature == 1.0:
            return {}
        read = {"probability": "confidence", "probability_entropy": "entropy", "probability_right": "right"}
        read = {v: what for v, what in read.items() if f"{what}@{LADDER[0]:.6g}" in points.columns}
        units = {"entropy": _uniform(points)}  # the readout is a share of it
        return {
            v: {"interpolation_error": interpolation_error(points.columns, what) / units.get(what, 1.0)}
            for v, what in read.items()
        }


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
        result[finite] = scipy.interpolate.PchipInterpolator(places, rungs[:, finite], axis=0)(place)
    return result


@functools.cache
def _rungs(device: torch.device, dtype: torch.dtype) -> Tensor:
    """The ladder as (T, 1, 1), made once for each device: making it anew would wait for a GPU."""
    return torch.tensor(LADDER, device=device, dtype=dtype)[:, None, None]


def _ladder_sums(forward: Forward) -> Tensor:
    return torch.cat([torch.cat(sums) for sums in zip(*(part[:2] for part in _ladder(forward)), strict=True)])


def _right_sums(forward: Forward) -> Tensor:
    exponents = forward.below_top
    right = exponents.gather(0, forward.labels[None])
    rungs = _rungs(exponents.device, exponents.dtype)[:, 0]
    totals = torch.cat([total for _, _, total in _ladder(forward)])
    return ((right / rungs).exp() / totals).sum(1, dtype=torch.float64)


def bin_sums(forward: Forward) -> Tensor:
    """Σ over the predictions in each bin of confidence of 1, of confidence − (0 or 1, whether it is right), and of its square."""
    at_one = torch.cat([total for _, _, total in _ladder(forward)])[LADDER.index(1.0)]
    confidence = at_one.reciprocal()
    miss = confidence - (forward.top[1] == forward.labels).to(confidence)
    # not in place, for which vmap has no rule here: several points at once would go one by one
    places = (confidence * BINS).long().clamp(max=BINS - 1)
    inside = (places[None] == _bins(confidence.device)[:, None]).to(confidence)
    found = [(inside * each).sum(1, dtype=torch.float64) for each in (torch.ones_like(miss), miss, miss.square())]
    return torch.cat(found)


def calibration_error(bins: np.ndarray, predictions: int) -> tuple[np.ndarray, np.ndarray]:
    """The expected calibration error with the bias of few examples taken off, and its standard error; (m,) each.

    bins         (3, BINS, m) means over the predictions, as `bin_sums` gives the sums
    predictions  N

    Σ_b p_b |μ_b| with μ_b the mean miss of a bin is too large by chance, as a root of squares is. Each μ_b is taken as normal with
    the bin's own error σ_b around ±√(μ_b² − σ_b²), whose square has no bias (Kumar et al. 2019), and what the mean of its size is
    above that is taken off: three quarters of the bias where the model is right about itself. Never below 0.

    >>> half = np.zeros((3, BINS, 1)); half[:, 9] = [[1.0], [0.5], [0.25]]  # always sure by ½ more than it is right
    >>> error, se = calibration_error(half, 10_000)
    >>> error.tolist(), se.tolist()
    ([0.5], [0.0])
    """
    share = bins[0]
    with np.errstate(divide="ignore", invalid="ignore"):
        count, mean = share * predictions, np.where(share > 0, bins[1] / share, 0.0)
        variance = np.clip(bins[2] / share - mean**2, 0, None) / (count - 1)
        # of one prediction: what its own confidence c says, c (1 − c)
        alone = np.abs(mean) * np.clip(1 - np.abs(mean), 0, None)
        spread = np.sqrt(np.where(count > 1.5, variance, np.where(share > 0, alone, 0.0)))
        size = np.sqrt(np.clip(mean**2 - spread**2, 0.0, None))
        ratio = np.where(spread > 0, size / spread, np.inf)
        chance = spread * math.sqrt(2 / math.pi) * np.exp(-(ratio**2) / 2) + size * (
            scipy.special.erf(ratio / math.sqrt(2)) - 1
        )
    value = np.clip((share * (np.abs(mean) - chance)).sum(0), 0.0, None)
    known = np.isfinite(bins).all((0, 1))
    return np.where(known, value, np.nan), np.where(known, np.sqrt(np.square(share * spread).sum(0)), np.nan)


@functools.cache
def _bins(device: torch.device) -> Tensor:
    return torch.arange(BINS, device=device)


def _ladder(forward: Forward) -> list[tuple[Tensor, Tensor, Tensor]]:
    """Of parts of the ladder, sums of confidence and entropy (T,), and Σ exp((z − max z)/T) of each prediction (T, m)."""
    if "ladder" not in forward.shared:
        exponents = forward.below_top
        rungs = _rungs(exponents.device, exponents.dtype)
        few = max(1, CACHED_NUMBERS // max(1, exponents.numel()))
        at_once = few if exponents.device.type == "cpu" else len(LADDER)
        forward.shared["ladder"] = [_sums_at(exponents / part) for part in rungs.split(at_once)]
    found: list[tuple[Tensor, Tensor, Tensor]] = forward.shared["ladder"]
    return found


def _sums_at(exponents: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Sums of confidence and entropy over predictions, (T,) each, and Σ_k of each, from exponents (T, K, m), all ≤ 0."""
    weights = exponents.exp()
    total = weights.sum(1)
    # an excluded token has z = −∞: its weight is 0, and 0 · −∞ must count as 0
    energy = weights.mul_(exponents.clamp_min_(torch.finfo(exponents.dtype).min)).sum(1)
    confidence = total.reciprocal().sum(1, dtype=torch.float64)
    entropy = (total.log() - energy / total).sum(1, dtype=torch.float64)
    return confidence, entropy, total
