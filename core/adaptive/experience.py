"""What refining has taught about a readout: which transform interpolates it best, and how far its committee can be trusted."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from scipy.spatial import cKDTree

RECENT = 40  # the latest points that count
QUANTILE = 0.8
NEAREST = 8
LEAST, MOST = 0.3, 10.0  # bounds of the factor
REACH = 2.5  # gaps around a surprise within which others are expected
MARGIN = 1.6  # above what covered them
CALM = 6  # points within that reach that settle a surprise
ORDER = 1.0  # of the error in the gap around a surprise: that of a crease
BORDER = 1.5  # how much worse it is where known points lie on one side only


@dataclass
class Experience:
    """What is kept of it, ready for JSON.

    transform  name of the transform under which recent points were foretold best
    good       members whose forecasts were nearly as good
    factor     what the committee's disagreement is multiplied by to cover most errors that were met
    tested     (i, j, ratio): points that were measured, and their error over the committee's disagreement there
    surprises  (i, j, share, gap): points whose error exceeded the tolerance and around which it may still, and how far
               away the nearest known point was, in units of the grid's extent
    """

    transform: str = "1"
    good: list[str] = field(default_factory=list)
    factor: float = 1.0
    tested: list[list[float]] = field(default_factory=list)
    surprises: list[list[float]] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Ready for JSON."""
        return asdict(self)

    def factors(self, shape: tuple[int, ...], steps: tuple[float, float]) -> np.ndarray:
        """(A, B): what to multiply the disagreement by: what covers most points, and all of the nearest ones."""
        if len(self.tested) < NEAREST:
            return np.full(shape, self.factor)
        spots, ratios = np.array(self.tested)[:, :2] * steps, np.array(self.tested)[:, 2]
        grid = np.stack(
            np.meshgrid(*(np.arange(n) * step for n, step in zip(shape, steps, strict=True)), indexing="ij"), -1
        )
        near = cKDTree(spots).query(grid, k=NEAREST)[1]
        found: np.ndarray = np.clip(np.maximum(ratios[near].max(-1), self.factor), LEAST, MOST)
        return found


@dataclass
class _Surprise:
    """A point whose error was beyond what is allowed; settled when some points around it, measured later, were calm."""

    cell: tuple[int, int]
    spot: np.ndarray
    share: float
    gap: float
    calm: int = 0


class Forecasts:
    """How well the members foretold points before they were measured, kept while refining."""

    def __init__(self) -> None:
        self._errors: dict[tuple[str, str], list[float]] = {}
        self._tested: list[list[float]] = []
        self._open: list[_Surprise] = []

    def note(self, errors: dict[tuple[str, str], np.ndarray]) -> None:
        """Errors of the members at points that were measured now, as shares."""
        for member, shares in errors.items():
            self._errors.setdefault(member, []).extend(np.atleast_1d(shares).tolist())

    def note_overall(
        self, cell: tuple[int, int], spot: np.ndarray, gap: float, doubt: float, error: float, allowed: float
    ) -> None:
        """What the committee disagreed by at a point, and what the error then was.

        spot  the cell's coordinates, of which `gap` is a distance
        """
        self._tested.append([*cell, error / max(doubt, allowed / 5)])
        for surprise in self._open:
            if np.hypot(*(surprise.spot - spot)) <= REACH * surprise.gap:
                surprise.calm = surprise.calm + 1 if error <= allowed else 0
        self._open = [surprise for surprise in self._open if surprise.calm < CALM]
        if error > allowed:
            self._open.append(_Surprise(cell, spot, error, gap))

    def experience(self) -> Experience:
        """What follows from it all."""
        recent = {m: float(np.quantile(e[-RECENT:], 0.9)) for m, e in self._errors.items()}
        if not recent:
            return Experience()
        best = min(recent, key=lambda member: recent[member])
        good = ["/".join(member) for member, error in recent.items() if error <= 3 * recent[best]]
        surprises = [[*s.cell, s.share, s.gap] for s in self._open]
        ratios = [ratio for *_, ratio in self._tested[-RECENT:]]
        factor = float(np.clip(np.quantile(ratios, QUANTILE), LEAST, MOST)) if ratios else 1.0
        return Experience(best[1], good, factor, self._tested, surprises)
