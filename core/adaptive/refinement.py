"""Where to measure next: coarse nested grids first, then wherever the picture may be wrong by more than the tolerance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from .error_estimate import Appraisal, Places, appraise

GROWTH = 0.12  # new points of a round, as a share of those there are
MANY = 500  # points from which a round's interpolation is itself a piece of work
GROWTH_OF_MANY = 0.3
LEAST_OF_MANY = 0.06
FEWEST = 8
# standard errors that an estimated error may have; the true one is half of that at the median, no more than what another
# seed of the probes would change
NOISE = 5
NOISIEST = 0.4  # of the range: however noisy a readout, its picture is to be better than that
# roundings of the largest value: a range within them is the arithmetic's noise, which jumps from point to point
FLAT = 64
ROUGH = 0.5  # share of the grid that no interpolation is worth
ALREADY = (
    0.2  # share of the grid that is enough to see so, where the error of more than half of the rest is still too large
)
PER_POINT = 6  # points beyond the tolerance that one measured among them brings below it, about
AT_EDGE = 0.6  # of the points held out, the share that lies along the border


@dataclass
class Followed:
    """A readout that is followed while refining.

    scales  those that its error counts on
    drives  whether its error decides where to measure; the others' is only told
    clip    where its drawing is cut off, or None
    """

    scales: tuple[str, ...]
    drives: bool = True
    clip: float | None = None


@dataclass
class Refinement:
    """One stage of a survey, refined until every driving readout is within the tolerance.

    levels      (rows, columns) index arrays of the nested grids, coarsest first
    candidates  (A, B) bool: the points that may be measured
    followed    name → how it counts
    tolerance   the share of the drawn range that is allowed
    held_out    points that are measured between those of the whole grids, to see how wrong the interpolation is there, at the least.
                0: for what is costly; where numbers end and infinities begin is not traced then, and the whole grid is not
                measured merely because half of it was not enough
    seed        of the choice of points held out
    most        as many points are measured at the most, though never fewer than the whole grids; None: as many as it takes
    rounding    the relative rounding error of the values: a readout that differs by little more is not refined

    Attributes
    ----------
    asked       (A, B) bool: the points measured by now
    largest     the largest estimated error of a driving readout, a share of the drawn range; for what is costly, of those
                that are finite
    allowed     name → the share below which it is not refined: the tolerance, NOISE standard errors, infinite where all is flat
    """

    levels: Sequence[tuple[np.ndarray, np.ndarray]]
    candidates: np.ndarray
    followed: Mapping[str, Followed]
    tolerance: float
    held_out: int
    seed: int = 0
    rounding: float = 0.0
    most: int | None = None
    asked: np.ndarray = field(init=False)
    largest: float = field(init=False, default=np.inf)
    allowed: dict[str, float] = field(init=False)

    def __post_init__(self) -> None:
        self.asked = np.zeros(self.candidates.shape, bool)
        self._generator = np.random.default_rng(self.seed)
        self._level, self._tested = 0, 0
        self._before: dict[str, Appraisal] = {}
        self.allowed = dict.fromkeys(self.driving, self.tolerance)

    @cached_property
    def driving(self) -> dict[str, Followed]:
        """The readouts whose error decides where to measure."""
        return {name: follows for name, follows in self.followed.items() if follows.drives}

    def next(self, readouts: Mapping[str, np.ndarray], noise: Mapping[str, np.ndarray]) -> np.ndarray:
        """The cells (k, 2) to measure now, given what was found at those asked for so far; none when all is well.

        readouts  name of each that drives → (A, B), measured at least wherever a cell was asked for
        noise     name → (A, B) standard errors, for readouts that have them: nothing is refined below NOISE times the median
        """
        if self._level < len(self.levels):
            return self._whole_level(readouts, noise)
        appraisals = self._appraised(readouts, noise)
        left = self.candidates & ~self.asked
        excess = self._excess(appraisals)
        self.largest = max(
            (
                float(shares[left].max(initial=0.0))
                for name, shares in self._shares(appraisals).items()
                if np.isfinite(self.allowed[name])
            ),
            default=0.0,
        )
        enough = self._tested >= self.held_out
        if not appraisals or not left.any() or (enough and excess[left].max() <= 1) or self.room == 0:
            self._before = appraisals
            return np.empty((0, 2), int)
        chosen = (self._worst(excess, left) if enough else self._trial(excess, left))[: self.room]
        self._tested += len(chosen)
        return self._ask(chosen, appraisals)

    @property
    def thorough(self) -> bool:
        """Whether points are cheap enough to be measured for more than their own sake."""
        return self.held_out > 0

    @property
    def waiting(self) -> int:
        """A guess of how many points are still to come: those beyond the tolerance help one another."""
        left = self.candidates & ~self.asked
        guess = -(-self.beyond // PER_POINT) if self._before else int(left.sum())
        return min(guess, int(left.sum()) if self.room is None else self.room)

    @property
    def beyond(self) -> int:
        """How many points were last thought to be off by more than is allowed."""
        return int((self.candidates & ~self.asked & (self._excess(self._before) > 1)).sum())

    @property
    def room(self) -> int | None:
        """How many more points may be measured; None: as many as it takes."""
        return None if self.most is None else max(0, self.most - int(self.asked.sum()))

    def _shares(self, appraisals: Mapping[str, Appraisal]) -> dict[str, np.ndarray]:
        """Readout → (A, B) estimated errors; the infinite ones, between numbers and infinities, only where they are traced."""
        return {
            name: a.shares if self.thorough else np.where(np.isfinite(a.shares), a.shares, 0.0)
            for name, a in appraisals.items()
        }

    def _excess(self, appraisals: Mapping[str, Appraisal]) -> np.ndarray:
        """(A, B): the largest error of a driving readout over what it is allowed."""
        shares = [shares / self.allowed[name] for name, shares in self._shares(appraisals).items()]
        return np.max(shares, axis=0) if shares else np.zeros(self.candidates.shape)

    def _whole_level(self, readouts: Mapping[str, np.ndarray], noise: Mapping[str, np.ndarray]) -> np.ndarray:
        appraisals = self._appraised(readouts, noise) if self.asked.any() else {}  # which tells what appraising takes
        level = np.zeros(self.candidates.shape, bool)
        level[np.ix_(*self.levels[self._level])] = True
        self._level += 1
        cells = np.argwhere(level & self.candidates & ~self.asked)
        return self._ask(cells, appraisals) if len(cells) else self.next(readouts, noise)

    def _ask(self, cells: np.ndarray, appraisals: dict[str, Appraisal]) -> np.ndarray:
        self._before = appraisals
        self.asked[tuple(cells.T)] = True
        return cells

    def _appraised(self, readouts: Mapping[str, np.ndarray], noise: Mapping[str, np.ndarray]) -> dict[str, Appraisal]:
        known = {name: readouts[name] for name in self.driving}
        scales = {name: f.scales for name, f in self.driving.items()}
        clips = {name: f.clip for name, f in self.driving.items()}
        appraisals = appraise(Places(self.asked), known, scales, clips)
        for name, appraisal in appraisals.items():
            least = NOISE * _noise_share(appraisal, known[name], noise[name], self.asked) if name in noise else 0.0
            self.allowed[name] = np.inf if self._flat(known[name]) else max(self.tolerance, min(least, NOISIEST))
        return appraisals

    def _flat(self, values: np.ndarray) -> bool:
        numbers = values[self.asked & np.isfinite(values)]
        return bool(len(numbers)) and float(np.ptp(numbers)) <= FLAT * self.rounding * float(np.abs(numbers).max())

    def _worst(self, excess: np.ndarray, left: np.ndarray) -> np.ndarray:
        """The worst points beyond what is allowed, none within another's gap."""
        beyond = left & (excess > 1)
        there = int(self.asked.sum())
        total = int(self.candidates.sum())
        hopeless = there > ALREADY * total and beyond.sum() > left.sum() / 2
        if self.thorough and (there > ROUGH * total or hopeless):
            return np.argwhere(left)
        growth, least = (GROWTH, FEWEST) if there < MANY else (GROWTH_OF_MANY, int(LEAST_OF_MANY * there))
        count = max(least, min(int(growth * there), int(beyond.sum()) // PER_POINT))
        return self._apart(excess, beyond, count)

    def _trial(self, excess: np.ndarray, left: np.ndarray) -> np.ndarray:
        """Points to learn from: the worst third, then along the border, where interpolation is worst, then anywhere."""
        count = min(max(FEWEST, self.held_out // 2), self.held_out - self._tested)
        chosen = [tuple(cell) for cell in self._apart(excess, left, max(1, count // 3))]
        outer = Places(self.asked).outer
        while len(chosen) < count:
            asked = self.asked.copy()
            for cell in chosen:
                asked[cell] = True
            gaps = np.where(left & ~asked, Places(asked).gaps, 0.0)
            far = (
                (gaps >= 0.7 * gaps.max()) & outer
                if len(chosen) < AT_EDGE * count + count // 3
                else gaps >= 0.9 * gaps.max()
            )
            pool = np.argwhere(far & (gaps > 0))
            if not len(pool):
                pool = np.argwhere(gaps > 0)
            if not len(pool):
                break
            chosen.append(tuple(pool[self._generator.integers(len(pool))]))
        return np.array(chosen, int).reshape(-1, 2)

    def _apart(self, excess: np.ndarray, among: np.ndarray, count: int) -> np.ndarray:
        """The largest of `among`, none nearer to another than the first's gap to what is measured."""
        places, chosen = Places(self.asked), []
        cells = np.argwhere(among)
        order = cells[np.argsort(-excess[among], kind="stable")]
        spots = order * np.array(places.steps)
        free = np.ones(len(order), bool)
        for index, cell in enumerate(order):
            if not free[index]:
                continue
            chosen.append(tuple(cell))
            if len(chosen) >= count:
                break
            free &= np.hypot(*(spots - spots[index]).T) >= places.gaps[tuple(cell)]
        return np.array(chosen, int).reshape(-1, 2)


def _noise_share(appraisal: Appraisal, values: np.ndarray, errors: np.ndarray, asked: np.ndarray) -> float:
    """The median standard error of the measured values, as a share of the drawn range."""
    usable = asked & np.isfinite(values) & np.isfinite(errors)
    if appraisal.drawing is None or not usable.any():
        return 0.0
    return float(np.median(appraisal.drawing.share(values[usable] + errors[usable], values[usable])))
