"""Coupling, high / low: how far the Hessian is from diagonal (Sagun et al. 2017; Dauphin et al. 2014)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..local.measure import LocalMeasure, Work
from .protocol import NavigatorProperty, Points, Readout, present
from .vocabulary import INDEPENDENT, Entry

if TYPE_CHECKING:
    from ..local.neighbourhood import Neighbourhood
    from ..spectrum.estimate import Estimate
    from .settings import Settings


def _pair(estimate: Estimate) -> tuple[float, float]:
    return estimate.value, estimate.standard_error


def _offdiagonal(here: Neighbourhood) -> tuple[float, float]:
    return _pair(here.offdiagonal)


def _interlayer(here: Neighbourhood) -> tuple[float, float]:
    return _pair(here.interlayer)


class Coupling(NavigatorProperty):
    """offdiagonal = ‖H − diag H‖_F² / ‖H‖_F²; interlayer = the share of ‖H‖_F² outside the layers' blocks.

    Estimates of a share near 0 may be negative, and near 1 above it; they are not clipped, so that their mean is right.
    """

    name = "coupling"
    colormap, line_color = "PuBu_r", "#CC79A7"
    entry = Entry(
        poles=("high", "low"),
        role=INDEPENDENT,
        meaning=(
            "How far parameters depend on each other: how much moving one weight moves the rest. High: an "
            "update spreads widely. Said to determine viscosity, through the eigenvalues."
        ),
        formula=r"H_{ij} = \partial^2 L / \partial\theta_i \partial\theta_j,\ i \ne j; \quad H \approx F",
        sources=("Sagun et al. 2017", "Dauphin et al. 2014"),
    )
    readouts = (
        Readout(
            "offdiagonal",
            "coupling",
            "Off-diagonal share",
            "",
            "The share of the Hessian's squared Frobenius norm that lies off its diagonal: 0 where every parameter "
            "acts alone, towards 1 where moving one moves all the rest.",
            poles=("low", "high"),
            local=(
                LocalMeasure(("offdiagonal", "offdiagonal_se"), "curvature", _offdiagonal, work=Work(blocks=("rest",))),
            ),
        ),
        Readout(
            "interlayer",
            "coupling_interlayer",
            "Share between layers",
            "",
            "The share of the Hessian's squared Frobenius norm that ties parameters of different layers: 0 where every "
            "layer acts alone.",
            poles=("low", "high"),
            local=(
                LocalMeasure(
                    ("interlayer", "interlayer_se"), "curvature", _interlayer, work=Work(blocks=("rest", "layers"))
                ),
            ),
        ),
    )

    def values(self, points: Points, settings: Settings) -> dict[str, np.ndarray]:
        return present(
            points,
            {
                "coupling": "offdiagonal",
                "coupling_se": "offdiagonal_se",
                "coupling_interlayer": "interlayer",
                "coupling_interlayer_se": "interlayer_se",
            },
        )
