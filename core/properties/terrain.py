"""The terrain itself: elevation, accuracy and error where there are labels, and each point's slope and shape."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ..local.measure import LocalMeasure
from ..network.forward import Measure
from .further_heights import FurtherHeights, accuracy_and_loss, loss_measures
from .metrics import Metrics
from .protocol import Knob, Owner, Points, Readout, present
from .regulariser import Regulariser
from .second_data import SecondData
from .viscosity import EXTREMES

if TYPE_CHECKING:
    from ..local.neighbourhood import Neighbourhood
    from ..plane.plane import Plane
    from ..problem.problem import Problem
    from .settings import Settings


SHAPES = ("bowl", "valley", "saddle", "plateau", "ridge")


def _slope(here: Neighbourhood) -> tuple[float]:
    return (float(here.gradient.norm()),)


def _steepness(here: Neighbourhood) -> tuple[float]:
    return (here.uphill[1],)


SLOPE = LocalMeasure(("slope",), "gradient", _slope)
STEEPNESS = LocalMeasure(("steepness",), "gradient", _steepness)  # in the coordinates of the curvature


FURTHER: tuple[FurtherHeights, ...] = (SecondData(), Regulariser(), Metrics())


class Terrain(Owner):
    """elevation = L; accuracy = share of predictions whose largest logit is the target; error = 1 − accuracy.

    slope = ‖ḡ‖ and shape are measured where they are asked for. FURTHER are other heights, where a problem has them.
    """

    name = "terrain"
    colormap, line_color = "viridis", "#7A7A7A"
    readouts = (
        Readout(
            "elevation",
            "loss",
            "Loss",
            "nats",
            "The mean loss over the data: the height of the terrain.",
            scale="log",
            like_loss=True,
        ),
        Readout(
            "accuracy", "accuracy", "Accuracy", "", "The share of examples whose most likely class is the right one."
        ),
        Readout("error", "error", "Error", "", "1 − accuracy."),
        Readout(
            "slope",
            "slope",
            "Slope",
            "nats per parameter unit",
            "The length of the gradient in the full parameter space, ‖∇L‖.",
            scale="log",
            local=(SLOPE,),
        ),
        Readout(
            "shape",
            "shape",
            "Shape",
            "",
            "What each point is in the full space, from its slope and its largest and smallest curvature: plateau (level, "
            "no curvature), ridge (bends down more than up), saddle (bends down), bowl (level), valley (the rest). Level: a "
            "gradient step promises a drop under 1 % of the drawn range. No curvature: under 1 % of the range per squared "
            "unit. Bends down: −λₘᵢₙ over a tenth of λₘₐₓ. The range: from the lowest loss to the median.",
            local=(STEEPNESS, EXTREMES),
            labels=SHAPES,
        ),
        *(readout for each in FURTHER for readout in each.readouts),
    )

    knobs = (Knob("level", "Level", 0.01), Knob("flat", "No curvature", 0.01), Knob("bend", "Bends down", 0.1))
    heights = True

    def readouts_of(self, facts: Mapping[str, Any]) -> tuple[Readout, ...]:
        return (*self.readouts, *(r for each in FURTHER for r in each.readouts_of(facts.get(each.name, {}))))

    def measures(self, problem: Problem) -> tuple[Measure, ...]:
        return (*loss_measures(problem), *(measure for each in FURTHER for measure in each.measures(problem)))

    def facts(self, problem: Problem, plane: Plane) -> dict[str, Any]:
        further = {each.name: found for each in FURTHER if (found := each.facts(problem, plane))}
        about = further | {"loss_name": problem.likelihood.name, "is_likelihood": problem.likelihood.is_likelihood}
        told = problem.reported_loss  # of the trained network, which not every plane lies around
        there = plane.details.get("origin", "trained") == "trained" and "centre" not in plane.details
        return {**about, "reported_loss": told} if there and told is not None else about

    def values(self, points: Points, settings: Settings) -> dict[str, np.ndarray]:
        readouts, columns = accuracy_and_loss(points), points.columns
        if "accuracy" in readouts:
            readouts["error"] = 1.0 - readouts["accuracy"]
        readouts |= present(points, {"slope": "slope"})
        facts = points.facts.get(self.name, {})
        for each in FURTHER:
            readouts |= each.values(points, facts.get(each.name, {}))
        steepness = columns.get("steepness", columns.get("slope"))  # the one in the parameters was once the only one
        if steepness is not None and "lambda_max" in columns:
            unit = drawn_range(columns["loss"])
            readouts["shape"] = shape(steepness, columns["lambda_max"], columns["lambda_min"], settings, unit)
        return readouts


def drawn_range(losses: np.ndarray) -> float:
    """The loss's own unit on a terrain: from its lowest value to its median, so that far corners do not decide.

    Where all are one value, as at a single point, that value's size; 1 where that is 0 too or none is finite.

    >>> drawn_range(np.array([0.5, 1.0, 2.5, 1e9, np.nan])), drawn_range(np.array([-3.0])), drawn_range(np.zeros(2))
    (1.25, 3.0, 1.0)
    """
    finite = losses[np.isfinite(losses)]
    if not finite.size:
        return 1.0
    lowest = float(finite.min())
    return float(np.median(finite)) - lowest or abs(lowest) or 1.0


def shape(
    slope: np.ndarray, highest: np.ndarray, lowest: np.ndarray, settings: Settings, unit: float = 1.0
) -> np.ndarray:
    """Which of SHAPES each point is, (m,) float; NaN where it is not measured.

    Parameters
    ----------
    slope            (m,) ‖ḡ‖
    highest, lowest  (m,) λₘₐₓ and λₘᵢₙ of the Hessian
    settings         its thresholds: a point is level where the slope promises a drop of less than `level` units of loss; a
                     curvature below `flat` units of loss per squared unit of its coordinates counts as none; it bends
                     down where −λₘᵢₙ exceeds the share `bend` of |λₘₐₓ|
    unit             one unit of loss, that of `drawn_range`: a loss times a number has the same shapes

    A point is level where a step down the gradient promises a drop ‖ḡ‖² / 2|λ| under `level`, |λ| the larger of the two
    curvatures, or `flat` where that is more: less than that counts as no curvature. It bends down where −λₘᵢₙ exceeds
    `bend` |λₘₐₓ|.

    >>> from lossnav.core import Settings
    >>> shape(np.zeros(4), np.array([2, 2, 0, -1e-9]), np.array([0.1, -1, -2, -1e-9]), Settings()).tolist()
    [0.0, 2.0, 4.0, 3.0]
    """
    known = np.isfinite(slope) & np.isfinite(highest) & np.isfinite(lowest)
    with np.errstate(invalid="ignore", divide="ignore"):
        most = np.maximum(np.abs(highest), np.abs(lowest))
        level = slope**2 < 2 * settings.level * unit * np.maximum(most, settings.flat * unit)
        level |= slope == 0
        down, mostly_down = -lowest > settings.bend * np.abs(highest), -lowest > highest
        flat = most <= settings.flat * unit
    cases = [flat & level, mostly_down & ~flat, down & ~flat, level]
    names = ["plateau", "ridge", "saddle", "bowl"]
    found = np.select(cases, [SHAPES.index(name) for name in names], SHAPES.index("valley")).astype(float)
    return np.where(known, found, np.nan)


TERRAIN = Terrain()
