"""What refining has taught about a readout: which transform interpolates it best, and how far its committee can be trusted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import numpy as np
from scipy.spatial import cKDTree

RECENT = 40  # the latest points that count
QUANTILE = 0.8
NEAREST = 8  # tested points that speak for a place
LEAST, MOST = 0.3, 10.0  # bounds of the factor
MARGIN = 1.6  # above what covered them
BORDER = 1.5  # how much worse it is where known points lie on one side only
WARY = 0.6  # of the tolerance: a tested error above it says that the terrain is no smooth one
CAUTION = 3.0  # there: the worst of thousands of places is worse than what covers some tested ones


@dataclass
class Experience:
    """What is kept of it, ready for JSON.

    transform  name of the transform under which recent points were foretold best; empty where none were yet
    good       members whose forecasts were nearly as good
    factor     what the committee's disagreement is multiplied by to cover most errors that were met
    tested     (i, j, ratio): points that were measured, and their error over the committee's disagreement there
    wary       whether an error came near to the tolerance
    """

    transform: str = ""
    good: list[str] = field(default_factory=list)
    factor: float = 1.0
    tested: list[list[float]] = field(default_factory=list)
    wary: bool = False

    def as_json(self) -> dict[str, Any]:
        """Ready for JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Experience:
        """From `as_json`; what another version noted beside that is left out.

        >>> Experience.from_json({**Experience(factor=2.0).as_json(), "surprises": []}).factor
        2.0
        """
        return cls(**{each.name: kept[each.name] for each in fields(cls) if each.name in kept})

    def factors(self, shape: tuple[int, ...], steps: tuple[float, float]) -> np.ndarray:
        """(A, B): what to multiply the disagreement by: what covers most points, and all of the nearest ones, with a margin."""
        margin = MARGIN * CAUTION if self.wary else MARGIN
        if len(self.tested) < NEAREST:
            return np.full(shape, margin * self.factor)
        spots, ratios = np.array(self.tested)[:, :2] * steps, np.array(self.tested)[:, 2]
        axes = (np.arange(n) * step for n, step in zip(shape, steps, strict=True))
        near = cKDTree(spots).query(np.stack(np.meshgrid(*axes, indexing="ij"), -1), k=NEAREST)[1]
        found: np.ndarray = margin * np.clip(np.maximum(ratios[near].max(-1), self.factor), LEAST, MOST)
        return found


class Forecasts:
    """How well the members foretold points before they were measured, kept while refining."""

    def __init__(self) -> None:
        self._errors: dict[tuple[str, str], list[float]] = {}
        self._tested: list[list[float]] = []
        self._wary = False

    def note(self, errors: dict[tuple[str, str], np.ndarray]) -> None:
        """Errors of the members at points that were measured now, as shares."""
        for member, shares in errors.items():
            self._errors.setdefault(member, []).extend(np.atleast_1d(shares).tolist())

    def note_overall(self, cell: tuple[int, int], doubt: float, error: float, tolerance: float) -> None:
        """What the committee disagreed by at a point, and what the error then was."""
        self._tested.append([*cell, error / max(doubt, tolerance / 5)])
        self._wary = self._wary or error > WARY * tolerance

    def experience(self) -> Experience:
        """What follows from it all."""
        recent = {m: float(np.quantile(e[-RECENT:], 0.9)) for m, e in self._errors.items()}
        if not recent:
            return Experience()
        best = min(recent, key=lambda member: recent[member])
        good = ["/".join(member) for member, error in recent.items() if error <= 3 * recent[best]]
        ratios = [ratio for *_, ratio in self._tested[-RECENT:]]
        factor = float(np.clip(np.quantile(ratios, QUANTILE), LEAST, MOST)) if ratios else 1.0
        return Experience(best[1], good, factor, self._tested, self._wary)
