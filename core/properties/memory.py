"""Memory, deep / shallow: where training has been (Li et al. 2018; Goodfellow et al. 2014)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import logsumexp

from ..local.measure import LocalMeasure
from ..network.forward import Measure
from .protocol import Points, Readout, Settings, present

if TYPE_CHECKING:
    from torch import Tensor

    from ..local.context import Instruments
    from ..local.neighbourhood import Neighbourhood
    from ..plane.plane import Plane
    from ..problem.problem import Problem


def _end(here: Neighbourhood) -> Tensor | None:
    return here.instruments.basins.end(here.bench, here.point)


def _label(shared: Instruments, place: Sequence[float], end: Tensor | None) -> tuple[float]:
    return (shared.basins.label(end),)


class Memory:
    """occupation = Σ_t ½(‖Δ_t‖ + ‖Δ_{t+1}‖) K_h(‖θ(α, β) − θ_t‖), K_h Gaussian, scaled to a maximum of 1.

    Distances are in the full parameter space, so a path that passes far above the plane leaves little on it.
    """

    name = "memory"
    readouts = (
        Readout(
            "occupation",
            "memory",
            "Occupation by the path",
            "",
            "How much of the training path lies near a point, distances taken in the full parameter space under a "
            "Gaussian kernel of the stated width; 1 where it is largest.",
            poles=("shallow", "deep"),
            needs=("trajectory",),
        ),
        Readout(
            "basin",
            "memory_basin",
            "Basin",
            "",
            "Where gradient descent in the full space leads from each point, in 50 steps (unless set): points whose ends "
            "are joined by a straight line without a barrier above the stated tolerance share a basin.",
            local=(LocalMeasure(("basin",), "descent", _end, lambda shared: shared.basins, _label),),
            labels=("trained network's", "basin 2", "basin 3", "basin 4", "basin 5", "basin 6", "others …"),
        ),
    )

    def measures(self, problem: Problem) -> tuple[Measure, ...]:
        return ()

    def facts(self, problem: Problem, plane: Plane) -> dict[str, Any]:
        path = problem.trajectory
        if path is None:
            return {}
        places = plane.project_path(path)
        segments = np.array(path.segment_lengths)
        return {
            "alpha": places[:, 0].tolist(),
            "beta": places[:, 1].tolist(),
            "off_plane": places[:, 2].tolist(),
            "step": list(path.steps),
            "weight": (0.5 * (np.append(segments, 0.0) + np.append(0.0, segments))).tolist(),
            "length": path.length,
            "displacement": path.displacement,
            "width": default_width(segments, path.displacement),
        }

    def values(self, points: Points, settings: Settings) -> dict[str, np.ndarray]:
        found, facts = present(points, {"memory_basin": "basin"}), points.facts["memory"]
        if facts:
            logs = log_occupation(points, facts, settings.width or facts["width"])
            found["memory"] = np.exp(logs - logs.max())
        return found


def default_width(segments: np.ndarray, displacement: float) -> float:
    """h that joins neighbouring checkpoints into one path: the median segment, at least a tenth of the displacement."""
    return float(max(np.median(segments), 0.1 * displacement, 1e-12))


def log_occupation(points: Points, facts: dict[str, Any], width: float) -> np.ndarray:
    """ln of the occupation before scaling, (m,); in logarithms because far from the path the kernel underflows."""
    gaps = np.stack([points.alpha[:, None] - facts["alpha"], points.beta[:, None] - facts["beta"]])
    squared = np.einsum("imt,ij,jmt->mt", gaps, points.gram, gaps) + np.square(facts["off_plane"])
    with np.errstate(divide="ignore"):  # a checkpoint without path beside it weighs nothing
        weights = np.log(facts["weight"])
    return logsumexp(weights - squared / (2 * width**2), axis=1)
