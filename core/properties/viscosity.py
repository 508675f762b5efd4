"""Viscosity, icky / not-icky: the largest Hessian eigenvalue (Keskar et al. 2016; Foret et al. 2020)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .protocol import Measure, Points, Readout, Settings

if TYPE_CHECKING:
    from ..plane import Plane
    from ..problem import Problem


class Viscosity:
    """sharpness = λ_max of the Hessian; not measured over the terrain yet, and said so."""

    name = "viscosity"
    readouts = (
        Readout(
            "sharpness",
            "viscosity",
            "Sharpness λ_max",
            "nats per squared parameter unit",
            "The largest eigenvalue of the Hessian of the mean loss. Low is flat and icky, high is sharp and not-icky. "
            "It changes when a layer is rescaled, even though the function stays the same.",
            poles=("icky", "not-icky"),
            needs=("curvature",),
            scale="log",
        ),
    )

    def measures(self, problem: Problem) -> tuple[Measure, ...]:
        return ()

    def facts(self, problem: Problem, plane: Plane) -> dict[str, Any]:
        return {}

    def values(self, points: Points, settings: Settings) -> dict[str, np.ndarray]:
        return {}
