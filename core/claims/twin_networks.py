"""Twins of claim `memory`: two networks of exactly equal spectrum and different history, with the terrains around them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..checks import InputError
from ..plane.plane import Plane
from ..problem.problem import Problem
from ..sealed import read_json
from ..spectrum.eigenvalues import spectrum
from ..survey.survey import survey
from .population import LEVELS, SHAPE, Data, contrast_of, data_of, outputs
from .population.twins import twins
from .protocol import QUICK_SEED

POINTS, REACH, DIGITS = 21, 1.0, 5
TWIN_HISTORIES = ("task A first", "task B first")


@dataclass(frozen=True)
class TwinPair:
    """Two networks, the first of which learned task A first, the second B, and then both alike.

    spectra   (2, P) ascending, the library's own
    distance  ‖θ₁ − θ₂‖
    function  mean |Δ log p| over classes and held-out inputs, nats
    losses    of each network on all examples, on task A, on task B
    axis      (n,) coordinates of both terrains along the two sharpest directions, in parameter units
    terrains  name of the examples → two (n, n) grids of loss
    """

    seed: int
    spectra: list[list[float]]
    distance: float
    function: float
    losses: dict[str, list[float]]
    axis: list[float]
    terrains: dict[str, list[list[list[float]]]]

    @property
    def difference(self) -> float:
        """The largest difference of two eigenvalues, relative to λ_max."""
        one, two = map(np.array, self.spectra)
        return float(np.abs(one - two).max() / one[-1])

    def as_json(self) -> dict[str, Any]:
        """Ready for JSON."""
        return asdict(self)


def read_twins(path: Path) -> TwinPair:
    """The twins in a file, as `TwinPair.as_json` has them."""
    return TwinPair(**read_json(path))


def twin_pair(seed: int = QUICK_SEED, points: int = POINTS) -> TwinPair:
    """Train both, each on its own, measure their spectra whole and their terrains.

    seed    of initial weights and order of examples
    points  to each side of the terrains

    Raises
    ------
    InputError  training does not reach the common loss from this seed
    """
    data = data_of("mirrored")
    pair = twins(contrast_of("mirrored"), seed)[list(LEVELS).index("late")]
    if not bool(pair.isfinite().all()):
        raise InputError(f"From the seed {seed} the twins do not reach the common loss: take another seed.")
    parts = {"all examples": torch.arange(len(data.targets)), "task A": data.pools["A"], "task B": data.pools["B"]}
    problems = [Problem(SHAPE.module(theta), data.inputs, data.targets) for theta in pair]
    grids = [_terrains(problem, parts, points) for problem in problems]
    spectra = [spectrum(problem, method="exact", device="cpu").eigenvalues.tolist() for problem in problems]
    middle = points // 2
    return TwinPair(
        seed=seed,
        spectra=spectra,
        distance=float((pair[0] - pair[1]).norm()),
        function=_function(data, pair),
        losses={name: [float(grid[name][middle, middle]) for grid in grids] for name in parts},
        axis=np.linspace(-REACH, REACH, points).tolist(),
        terrains={name: [np.round(grid[name], DIGITS).tolist() for grid in grids] for name in parts},
    )


def _terrains(problem: Problem, parts: dict[str, Tensor], points: int) -> dict[str, np.ndarray]:
    """Loss over all and over each task's examples, on the plane of the network's two sharpest directions."""
    plane, span = Plane.eigen(problem), ((-REACH, REACH), (-REACH, REACH))
    return {
        name: survey(problem.subset(rows), plane, (points, points), span=span, device="cpu")["loss"].values.astype(
            float
        )
        for name, rows in parts.items()
    }


def _function(data: Data, pair: Tensor) -> float:
    logs = outputs(SHAPE, pair, data.held_out)[0].log_softmax(2)
    return float((logs[0] - logs[1]).abs().mean())
