"""Measured points: the numbers, and which of them are there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ..properties.protocol import STAGES
from .grid import GridPlan
from .info import LandscapeInfo

FIRST_GUESS = 105  # points of an adaptive stage before anything is known


@dataclass
class MeasuredPoints:
    """The measured points of a survey: its numbers, and which of them are done.

    plan       the points and their order
    columns    names of the measured numbers
    stages     for each column, which of STAGES measures it
    values     (points, columns), NaN where not measured yet; NaN and infinities that were measured are kept
    done       (points, STAGES) bool: what is measured where, said explicitly and never read off the values
    overlays   the variables that were asked for
    info       what the landscape is of
    """

    plan: GridPlan
    columns: tuple[str, ...]
    stages: tuple[str, ...]
    values: np.ndarray
    done: np.ndarray
    overlays: tuple[str, ...]
    info: LandscapeInfo = field(default_factory=LandscapeInfo)

    @classmethod
    def empty(
        cls,
        plan: GridPlan,
        columns: Mapping[str, Sequence[str]],
        dtype: str,
        overlays: tuple[str, ...],
        info: LandscapeInfo,
    ) -> MeasuredPoints:
        """Nothing measured yet; `columns` by stage."""
        names = tuple(name for group in columns.values() for name in group)
        stages = tuple(stage for stage, group in columns.items() for _ in group)
        values, done = np.full((len(plan.cells), len(names)), np.nan, dtype), np.zeros((len(plan.cells), len(STAGES)))
        return cls(plan, names, stages, values, done.astype(bool), overlays, info)

    def columns_of(self, stage: str) -> list[int]:
        """Places of the columns that a stage measures."""
        return [i for i, of in enumerate(self.stages) if of == stage]

    @property
    def used(self) -> tuple[str, ...]:
        """The stages that measure something here; not those that this network cannot take."""
        failed = self.info.failed or ()
        return tuple(s for s in STAGES if s == STAGES[0] or (s in self.stages and s not in failed))

    def wanted_at(self, stage: str) -> np.ndarray:
        """(points,) bool: where a stage is to be measured; the costly ones on every so many rows and columns only."""
        return self.plan.every(1 if stage == STAGES[0] else self.info.every or 1)

    def done_at(self, stage: str) -> np.ndarray:
        """(points,) bool: where a stage is measured."""
        mask: np.ndarray = self.done[:, STAGES.index(stage)]
        return mask

    @property
    def made(self) -> int:
        """Measurements made, of `planned` in all; a point counts once for each stage."""
        later = sum(each["filled"] for each in (self.info.later or {}).values())
        return later + sum(int((self.done_at(stage) & self.wanted_at(stage)).sum()) for stage in self.used)

    @property
    def planned(self) -> int:
        later = sum(each["of"] for each in (self.info.later or {}).values())
        return later + sum(self.planned_at(stage) for stage in self.used)

    def planned_at(self, stage: str) -> int:
        """Points of a stage that are to be measured in all; of an adaptive survey what is asked for by now and a guess of what is still to come."""
        done, wanted = int((self.done_at(stage) & self.wanted_at(stage)).sum()), int(self.wanted_at(stage).sum())
        if self.info.tolerance is None:
            return wanted
        lesson = (self.info.refined or {}).get(stage)
        return min(wanted, max(done, lesson["asked"] if lesson else FIRST_GUESS))
