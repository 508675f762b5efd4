"""The terrain itself: elevation, and accuracy and error where there are labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from .properties.protocol import Forward, Measure, Points, Readout, Settings

if TYPE_CHECKING:
    from .plane import Plane
    from .problem import Problem


class Terrain:
    """elevation = L; accuracy = share of predictions whose largest logit is the target; error = 1 − accuracy."""

    name = "terrain"
    readouts = (
        Readout(
            "elevation", "loss", "Loss", "nats", "The mean loss over the data: the height of the terrain.", scale="log"
        ),
        Readout(
            "accuracy", "accuracy", "Accuracy", "", "The share of examples whose most likely class is the right one."
        ),
        Readout("error", "error", "Error", "", "1 − accuracy."),
    )

    def measures(self, problem: Problem) -> tuple[Measure, ...]:
        loss = Measure(("loss",), _loss)
        if not problem.likelihood.is_categorical:
            return (loss,)
        soft = problem.targets.is_floating_point()
        return (loss, Measure(("accuracy",), _soft_hits if soft else _hits))

    def facts(self, problem: Problem, plane: Plane) -> dict[str, Any]:
        return {"loss_name": problem.likelihood.name}

    def values(self, points: Points, settings: Settings) -> dict[str, np.ndarray]:
        found = {"loss": points.columns["loss"]}
        if "accuracy" in points.columns:
            # where the outputs are not numbers the largest of them means nothing
            accuracy = np.where(np.isnan(points.columns["loss"]), np.nan, points.columns["accuracy"])
            found |= {"accuracy": accuracy, "error": 1.0 - accuracy}
        return found


TERRAIN = Terrain()


def _loss(forward: Forward) -> Tensor:
    return forward.losses.sum(dtype=torch.float64)[None]


def _hits(forward: Forward) -> Tensor:
    return (forward.top[1] == forward.targets).sum(dtype=torch.float64)[None]


def _soft_hits(forward: Forward) -> Tensor:
    return (forward.top[1] == forward.targets.argmax(1)).sum(dtype=torch.float64)[None]
