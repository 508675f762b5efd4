"""Walks as they are drawn: projections onto the plane, with what is true of the walk itself beside each place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr
from lossnav.core.walk import TrainingPath, Walk

from .scales import format_value

# told apart from one another and from the training path, on light and on dark
WALK_COLORS = ("#E8730C", "#C04CC9", "#2F6FDB", "#8A6D00")
TRAINING_COLORS = ("#D81B60", "#7E57C2", "#6D4C41")


@dataclass(frozen=True)
class DrawnWalk:
    """A walk's records, as tuples, so that equal walks make equal pictures.

    loss, off  at the place itself, and its distance from the plane
    """

    name: str
    color: str
    step: tuple[int, ...]
    alpha: tuple[float, ...]
    beta: tuple[float, ...]
    loss: tuple[float, ...]
    off: tuple[float, ...]

    @classmethod
    def of(cls, walk: Walk, name: str, order: int) -> DrawnWalk:
        """Of a walk, the one in place `order` of those on the page."""
        numbers = (walk.alpha, walk.beta, walk.loss, walk.off_plane)
        color = WALK_COLORS[order % len(WALK_COLORS)]
        return cls(name, color, tuple(map(int, walk.step)), *(tuple(map(float, each)) for each in numbers))

    @classmethod
    def of_training(cls, path: TrainingPath, name: str, order: int) -> DrawnWalk:
        """Of another training's path, the one in place `order` of those on the page."""
        numbers = (path.alpha, path.beta, path.loss, path.off_plane)
        color = TRAINING_COLORS[order % len(TRAINING_COLORS)]
        step = tuple(map(int, path.step))
        return cls(name, color, step, *(tuple(map(float, each)) for each in numbers))

    @property
    def texts(self) -> list[str]:
        """Hover text of each record."""
        return [
            f"{self.name}, step {step}<br>loss {format_value(loss)} at the place itself<br>{format_value(off)} off the plane"
            for step, loss, off in zip(self.step, self.loss, self.off, strict=True)
        ]

    @property
    def losses(self) -> str:
        """Its own loss at its two ends: "2.3 → 0.02"."""
        return f"{format_value(self.loss[0])} → {format_value(self.loss[-1])}"

    def inside(self, ends: tuple[tuple[float, float], tuple[float, float]]) -> tuple[np.ndarray, np.ndarray]:
        """(α, β) where they are within ((from, to), (from, to)), else NaN, which breaks the line."""
        a, b = np.array(self.alpha), np.array(self.beta)
        within = (a >= ends[0][0]) & (a <= ends[0][1]) & (b >= ends[1][0]) & (b <= ends[1][1])
        return np.where(within, a, np.nan), np.where(within, b, np.nan)


def with_colors(walks: Sequence[DrawnWalk]) -> tuple[DrawnWalk, ...]:
    """The same, of one colour no two as long as there are colours: what has that of one before takes one that is free."""
    given: list[DrawnWalk] = []
    for walk in walks:
        used = {each.color for each in given}
        free = [color for color in (*TRAINING_COLORS, *WALK_COLORS) if color not in used]
        given.append(replace(walk, color=free[0]) if walk.color in used and free else walk)
    return tuple(given)


def own_loss(land: xr.Dataset) -> float | None:
    """The loss of a landscape's own training at its last checkpoint itself; None where it is not known."""
    told = ((land.lossnav.fidelity or {}).get("path") or {}).get("true_loss") or [None]
    return None if told[-1] is None or not np.isfinite(told[-1]) else float(told[-1])


def ends_of(land: xr.Dataset) -> tuple[tuple[float, float], tuple[float, float]]:
    """((from, to), (from, to)) of a landscape's plane, as far as it is drawn."""
    (a, b), (c, d) = ((float(land[k].values.min()), float(land[k].values.max())) for k in ("alpha", "beta"))
    return (a, b), (c, d)
