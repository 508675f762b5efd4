"""Memory, deep / shallow: where training has been (Li et al. 2018; Goodfellow et al. 2014)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import logsumexp

from ..local.measure import LocalMeasure, Work
from .protocol import Knob, NavigatorProperty, Points, Readout, present
from .vocabulary import DERIVED, Entry

if TYPE_CHECKING:
    from torch import Tensor

    from ..local.context import Instruments
    from ..local.descents import Basins
    from ..local.neighbourhood import Neighbourhood
    from ..plane.plane import Plane
    from ..problem.problem import Problem
    from .settings import Settings


COMPARED, SEGMENT_LOSSES = 2, 11  # basins that a descent's end is compared with, on average, and what each takes
WIDTHS = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 4.0)
APART = "In a frozen, deployed model it cannot be measured apart from viscosity."


def _path(problem: Problem) -> str | None:
    if problem.trajectory is None:
        return f"No training trajectory is given. {APART}"
    return (
        None
        if problem.trajectory.length > 0
        else "All checkpoints of the trajectory are the same, so there is no path."
    )


def _width_text(facts: Mapping[str, Any], width: float) -> str:
    return f"h = {width:.3g} parameter units"


def _starts(shared: Instruments) -> list[tuple[float, float]]:
    """(α, β) where basins were met before, that of θ₀ first."""
    return [(0.0, 0.0)]


def basins(shared: Instruments) -> Basins:
    """The basins met so far."""
    from ..local.descents import Basins

    return Basins(shared, shared.once(_starts))


def _recall(shared: Instruments, places: np.ndarray, found: np.ndarray) -> None:
    """Where the basins in measured points were met first, so that a survey taken up again numbers them the same."""
    labels = found[:, 0]
    for basin in range(1, 1 + int(np.nanmax(labels, initial=0.0))):
        alpha, beta = places[np.flatnonzero(labels == basin)[0]]
        shared.once(_starts).append((alpha, beta))


def _end(here: Neighbourhood) -> Tensor | None:
    return here.instruments.once(basins).end(here.bench, here.point)


def _label(shared: Instruments, place: Sequence[float], end: Tensor | None) -> tuple[float]:
    return (shared.once(basins).label(end),)


BASIN = LocalMeasure(
    ("basin",),
    "descent",
    _end,
    prepare=lambda shared: shared.once(basins),
    settle=_label,
    recall=_recall,
    step=lambda shared: shared.descent_step,
    work=Work(descents=1, losses=COMPARED * SEGMENT_LOSSES, kept=1),
)


class Memory(NavigatorProperty):
    """occupation = Σ_t ½(‖Δ_t‖ + ‖Δ_{t+1}‖) K_h(‖θ(α, β) − θ_t‖), K_h Gaussian, scaled to a maximum of 1.

    Distances are in the full parameter space, so a path that passes far above the plane leaves little on it.
    """

    name = "memory"
    colormap, line_color = "YlOrBr_r", "#3B92C4"
    entry = Entry(
        poles=("deep", "shallow"),
        role=DERIVED,
        meaning=(
            "The path that training took, as far as the weights hold it: not the weights, but the history of "
            "how the model came to them."
        ),
        formula=(
            r"\int_{\theta_0 \to \theta_T} (\cdot)\, d\theta; \quad \text{basin chosen by initialisation and "
            r"curriculum}"
        ),
        sources=("Li et al. 2018", "Goodfellow et al. 2014"),
        flags=(
            APART,
            "Whether memory and viscosity can be told apart has not been tested: the framework's central open experiment.",
        ),
    )
    readouts = (
        Readout(
            "occupation",
            "memory",
            "Occupation by the path",
            "",
            "How much of the training path lies near a point, distances taken in the full parameter space under a "
            "Gaussian kernel of the stated width; 1 where it is largest.",
            poles=("shallow", "deep"),
            needs=(_path,),
        ),
        Readout(
            "basin",
            "memory_basin",
            "Basin",
            "",
            "Where gradient descent in the full space leads from each point, in 50 steps (unless set): points whose ends "
            "are joined by a straight line without a barrier above the stated tolerance share a basin.",
            local=(BASIN,),
            labels=("trained network's", "basin 2", "basin 3", "basin 4", "basin 5", "basin 6", "others …"),
        ),
    )

    knobs = (Knob("width", "Kernel width h, times its own", None, choices=WIDTHS, caption=_width_text),)
    relative = True
    always = True

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

    def drawn(self, facts: Mapping[str, Any]) -> dict[str, tuple[str, Sequence[float]]]:
        """The training path."""
        names = ("alpha", "beta", "off_plane", "step") if facts else ()
        return {f"path_{name}": ("checkpoint", facts[name]) for name in names}


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
