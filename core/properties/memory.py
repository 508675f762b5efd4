"""Memory, deep / shallow: where training has been (Li et al. 2018; Goodfellow et al. 2014)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

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


def _recall(shared: Instruments, places: np.ndarray, values: np.ndarray) -> None:
    """Where the basins in measured points were met first, so that a survey taken up again numbers them the same."""
    labels = values[:, 0]
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
    work=Work(descents=1, losses=COMPARED * SEGMENT_LOSSES, stored=1),
)


class MemoryProperty(NavigatorProperty):
    """occupation = the share of the path's length that lies within h of a point; distance = how far the path is at its nearest.

    The path runs straight from checkpoint to checkpoint; distances are in the full parameter space, so a path that passes far
    above the plane leaves little on it. Both are absolute: plots of different spans and networks can be compared.
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
            "The share of the training path's length that lies within the stated width h of a point, distances taken in the "
            "full parameter space: 1 where the whole path lies that near.",
            poles=("shallow", "deep"),
            needs=(_path,),
        ),
        Readout(
            "distance",
            "memory_distance",
            "Distance to the path",
            "parameter units",
            "How far the nearest place of the training path is, in the full parameter space.",
            poles=("deep", "shallow"),
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

    knobs = (Knob("width", "Width h, times its own", None, choices=WIDTHS, caption=_width_text),)
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
            "segment": segments.tolist(),
            "length": path.length,
            "displacement": path.displacement,
            "width": default_width(segments, path.displacement),
        }

    def values(self, points: Points, settings: Settings) -> dict[str, np.ndarray]:
        readouts, facts = present(points, {"memory_basin": "basin"}), points.facts["memory"]
        if facts:
            squared, segments = _squared_distances(points, facts), _segments(facts)
            readouts["memory"] = share_within(squared, segments, settings.width or facts["width"])
            readouts["memory_distance"] = nearest(squared, segments)
        return readouts

    def notes(self, points: Points, settings: Settings) -> dict[str, dict[str, Any]]:
        """Length, displacement and tortuosity of the whole path."""
        return {"memory": path_scalars(points.facts.get("memory", {}))}

    def drawn(self, facts: Mapping[str, Any]) -> dict[str, tuple[str, Sequence[float]]]:
        """The training path."""
        names = ("alpha", "beta", "off_plane", "step") if facts else ()
        return {f"path_{name}": ("checkpoint", facts[name]) for name in names}


def default_width(segments: np.ndarray, displacement: float) -> float:
    """h that joins neighbouring checkpoints into one path: the median segment, at least a tenth of the displacement."""
    return float(max(np.median(segments), 0.1 * displacement, 1e-12))


def path_scalars(facts: Mapping[str, Any]) -> dict[str, float]:
    """Length and displacement of the whole path, in parameter units, and its tortuosity, length over displacement.

    Of what `MemoryProperty.facts` keeps; empty without a path. A path that ends where it began has infinite tortuosity.

    >>> path_scalars({"length": 6.0, "displacement": 2.0})
    {'path_length': 6.0, 'path_displacement': 2.0, 'path_tortuosity': 3.0}
    """
    if not facts:
        return {}
    length, displacement = facts["length"], facts["displacement"]
    tortuosity = length / displacement if displacement > 0 else float("inf")
    return {"path_length": length, "path_displacement": displacement, "path_tortuosity": tortuosity}


def share_within(squared: np.ndarray, segments: np.ndarray, width: float) -> np.ndarray:
    """The share of a path's length that lies within `width`, (m,).

    squared   (m, T + 1) squared distances to its checkpoints
    segments  (T,) lengths of the straight pieces between them

    On a piece of length l the squared distance is a + s (b − a − l²) + s² l², s from 0 to 1: a ball cuts it at two roots.

    >>> share_within(np.array([[0.0, 16.0]]), np.array([4.0]), 1.0).tolist()  # a path of 4 that begins here
    [0.25]
    """
    middle, half = _middles(squared, segments)
    with np.errstate(divide="ignore", invalid="ignore"):
        least = squared[:, :-1] - (middle * segments) ** 2  # of the whole straight line
        reach = np.sqrt(np.clip(width**2 - least, 0.0, None)) / segments
    inside = np.clip(middle + reach, 0, 1) - np.clip(middle - reach, 0, 1)
    found: np.ndarray = np.where(half, inside, 0.0) @ segments / segments.sum()
    return found


def nearest(squared: np.ndarray, segments: np.ndarray) -> np.ndarray:
    """The distance of a path at its nearest, (m,); arguments as in `share_within`.

    >>> nearest(np.array([[2.0, 2.0]]), np.array([2.0])).tolist()  # beside the middle of a piece
    [1.0]
    """
    middle, moves = _middles(squared, segments)
    place = np.where(moves, np.clip(middle, 0, 1), 0.0)
    first, last = squared[:, :-1], squared[:, 1:]
    there = (1 - place) * first + place * last - place * (1 - place) * segments**2
    return np.sqrt(np.clip(np.minimum(there.min(1), squared.min(1)), 0.0, None))


def _middles(squared: np.ndarray, segments: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where on each piece's straight line the nearest place is, as a share of the piece; and which pieces have a length."""
    moves = segments > 0
    with np.errstate(divide="ignore", invalid="ignore"):
        middle = 0.5 * (1 + (squared[:, :-1] - squared[:, 1:]) / np.where(moves, segments, 1.0) ** 2)
    return middle, moves


def _segments(facts: Mapping[str, Any]) -> np.ndarray:
    """The pieces' lengths, (T,); of landscapes from before they were kept, from the weights ½ (l_t + l_{t+1})."""
    if "segment" in facts:
        return np.array(facts["segment"])
    lengths, before = [], 0.0
    for weight in facts["weight"][:-1]:
        before = max(0.0, 2 * weight - before)
        lengths.append(before)
    return np.array(lengths)


def _squared_distances(points: Points, facts: Mapping[str, Any]) -> np.ndarray:
    """Of every point to every checkpoint, in the full parameter space, (m, T + 1)."""
    gaps = np.stack([points.alpha[:, None] - facts["alpha"], points.beta[:, None] - facts["beta"]])
    found: np.ndarray = np.einsum("imt,ij,jmt->mt", gaps, points.gram, gaps) + np.square(facts["off_plane"])
    return found
