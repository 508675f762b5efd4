"""The loss without its regulariser, and that alone: weight decay ½ λ ‖θ‖² taken out of what is drawn (Krogh & Hertz 1992)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ..network.forward import Measure
from ..parameters.vectors import dot
from .further_heights import FurtherHeights, mean_loss
from .protocol import Points, Readout

if TYPE_CHECKING:
    from ..plane.plane import Plane
    from ..problem.problem import Problem

COLUMN = "data_loss"


class Regulariser(FurtherHeights):
    """loss = data_loss + penalty, penalty = ½ λ ‖θ₀ + α d₁ + β d₂‖².

    The first is measured, as a difference would lose its digits under a large penalty; the second is a closed form.
    """

    name = "regulariser"
    readouts = (
        Readout(
            COLUMN,
            COLUMN,
            "Loss without regulariser",
            "nats",
            "The mean loss over the data alone, without the weight decay ½ λ ‖θ‖² that the loss includes.",
            scale="log",
            like_loss=True,
        ),
        Readout(
            "penalty",
            "penalty",
            "Regulariser",
            "nats",
            "The weight decay alone, ½ λ ‖θ‖² over the parameters of the landscape (Krogh & Hertz 1992).",
        ),
    )

    def measures(self, problem: Problem) -> tuple[Measure, ...]:
        return (mean_loss(COLUMN),) if problem.weight_decay else ()

    def facts(self, problem: Problem, plane: Plane) -> dict[str, Any]:
        if not problem.weight_decay:
            return {}
        along = [dot(plane.origin, direction) for direction in plane.directions]
        return {"weight_decay": problem.weight_decay, "square": dot(plane.origin, plane.origin), "along": along}

    def values(self, points: Points, facts: Mapping[str, Any]) -> dict[str, np.ndarray]:
        heights = {COLUMN: points.columns[COLUMN]} if COLUMN in points.columns else {}
        if heights and "loss_draw_error" in points.columns:
            heights[f"{COLUMN}_se"] = points.columns["loss_draw_error"]
        if "weight_decay" not in facts:
            return heights
        places = np.stack([points.alpha, points.beta])
        square = facts["square"] + 2 * np.asarray(facts["along"]) @ places
        square = square + np.einsum("im,ij,jm->m", places, points.gram, places)
        return {**heights, "penalty": 0.5 * facts["weight_decay"] * np.maximum(square, 0.0)}
