"""Where the numbers of contour lines stand: one on the longest line of a level, far from the others and from the border."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from .isolines import level_lines
from .picture import Layer

BORDER = (0.07, 0.05)  # from the border, as shares of the span along alpha and beta
APART = 0.11  # between two labels, as a share of the span
SHORTEST = 0.3  # a shorter line, as a share of the span, has no room for a number


@dataclass(frozen=True)
class ContourLabel:
    """A level's value as text, at a place on its line."""

    alpha: float
    beta: float
    text: str
    variable: str


def contour_labels(
    land: xr.Dataset, layers: Sequence[Layer], count: int, keep_off: Sequence[tuple[float, float]] = ()
) -> list[ContourLabel]:
    """Labels of the layers' contour lines at about `count` levels; none lies within APART of another or of `keep_off`."""
    low, high = (np.array([f(land[d].values) for d in ("alpha", "beta")]) for f in (np.min, np.max))
    if not (high > low).all():
        return []
    taken = [(np.asarray(place) - low) / (high - low) for place in keep_off]
    labels = []
    for layer in layers:
        if layer.scale.kind == "class":
            continue
        for text, line in level_lines(land, layer, count):
            place = _place((line - low) / (high - low), taken)
            if place is not None:
                taken.append(place)
                alpha, beta = low + place * (high - low)
                labels.append(ContourLabel(float(alpha), float(beta), text, layer.variable))
    return labels


def _place(line: np.ndarray, taken: Sequence[np.ndarray]) -> np.ndarray | None:
    """The point of the longest piece that is farthest from what is taken; None where there is no room."""
    pieces = np.split(line, np.flatnonzero(np.isnan(line[:, 0])))
    piece = max((p[np.isfinite(p[:, 0])] for p in pieces), key=_length)
    if _length(piece) < SHORTEST:
        return None
    inside = piece[((piece >= BORDER) & (piece <= 1 - np.asarray(BORDER))).all(1)]
    if not len(inside):
        return None
    near = np.min([np.hypot(*(inside - other).T) for other in taken], axis=0) if taken else np.ones(len(inside))
    best = int(near.argmax())
    return inside[best] if near[best] >= APART else None


def _length(piece: np.ndarray) -> float:
    return float(np.hypot(*np.diff(piece, axis=0).T).sum())
