"""Test loss, test accuracy and the generalisation gap: a second data set beside the one that the terrain is of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ..network.forward import SECOND, Measure
from .further_heights import FurtherHeights, accuracy_and_loss, loss_measures
from .protocol import Points, Readout

if TYPE_CHECKING:
    from ..plane.plane import Plane
    from ..problem.problem import Problem


class SecondData(FurtherHeights):
    """test_loss, test_accuracy = the loss and accuracy on the second data set; gap = test_loss − loss.

    Weight decay is part of both losses, and falls out of their difference.
    """

    name = "second_data"
    readouts = (
        Readout(
            f"{SECOND}loss",
            f"{SECOND}loss",
            "Test loss",
            "nats",
            "The mean loss over the second data set, test=.",
            scale="log",
            like_loss=True,
        ),
        Readout(
            f"{SECOND}accuracy",
            f"{SECOND}accuracy",
            "Test accuracy",
            "",
            "The share of examples of the second data set whose most likely class is the right one.",
        ),
        Readout(
            "gap",
            "gap",
            "Generalisation gap",
            "nats",
            "The loss on the second data set less that on the first: above zero where the network does worse on data that it was "
            "not trained on.",
            scale="symlog",
            zero=True,
            error="standard error, at most",
        ),
    )

    def measures(self, problem: Problem) -> tuple[Measure, ...]:
        test = problem.test
        return () if test is None else tuple(measure.on_second for measure in loss_measures(test))

    def facts(self, problem: Problem, plane: Plane) -> dict[str, Any]:
        test = problem.test
        return {} if test is None else {"examples": test.example_count, "predictions": test.prediction_count}

    def values(self, points: Points, facts: Mapping[str, Any]) -> dict[str, np.ndarray]:
        if f"{SECOND}loss" not in points.columns:
            return {}
        first, second = accuracy_and_loss(points), accuracy_and_loss(points, SECOND)
        with np.errstate(invalid="ignore"):  # the difference of two infinite losses is no number
            heights = {**second, "gap": second[f"{SECOND}loss"] - first["loss"]}
        if "loss_se" in first:
            # both draw the same random numbers, so their errors go together in a way that is not known
            heights["gap_se"] = first["loss_se"] + second[f"{SECOND}loss_se"]
        return heights
