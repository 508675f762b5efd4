"""Coupling, high / low: how far the Hessian is from diagonal (Sagun et al. 2017; Dauphin et al. 2014)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .protocol import Measure, Points, Readout, Settings

if TYPE_CHECKING:
    from ..plane import Plane
    from ..problem import Problem


class Coupling:
    """offdiagonal = ‖H − diag H‖_F² / ‖H‖_F²; not measured over the terrain yet, and said so."""

    name = "coupling"
    readouts = (
        Readout(
            "offdiagonal",
            "coupling",
            "Off-diagonal share",
            "",
            "The share of the Hessian's squared Frobenius norm that lies off its diagonal: 0 where every parameter "
            "acts alone, towards 1 where moving one moves all the rest.",
            poles=("low", "high"),
            needs=("curvature",),
        ),
    )

    def measures(self, problem: Problem) -> tuple[Measure, ...]:
        return ()

    def facts(self, problem: Problem, plane: Plane) -> dict[str, Any]:
        return {}

    def values(self, points: Points, settings: Settings) -> dict[str, np.ndarray]:
        return {}
