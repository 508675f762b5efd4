"""A first look at what is costly: a few points, measured roughly, shown until the survey's own first ones are there."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..local.context import Instruments
from ..local.estimation import PRESETS, Estimation
from ..local.evaluator import LocalEvaluator
from ..local.measure import LocalMeasure
from ..local.samples import sample_sizes
from ..problem.problem import Problem
from ..properties.protocol import STAGES

if TYPE_CHECKING:
    from .points import MeasuredPoints

EXAMPLES = 64  # at the least, of a first look
WORTH = 4  # times fewer examples than the survey's own, or a first look hardly comes sooner


def rough(problem: Problem, estimation: Estimation) -> Estimation | None:
    """Settings of a first look: the preview's on half the examples, as far as they are less than `estimation`.

    None where they save too little.

    >>> from torch import nn, zeros
    >>> small, large = (Problem(nn.Linear(n, n), zeros(500, n), zeros(500, n), loss="mse") for n in (3, 3000))
    >>> rough(small, PRESETS["standard"]) is None, rough(large, PRESETS["standard"]).probes
    (True, 3)
    """
    preview = PRESETS["preview"]
    rougher = replace(
        estimation,
        probes=min(preview.probes, estimation.probes),
        steps=min(preview.steps, estimation.steps),
        examples=EXAMPLES,
        pass_flops=preview.pass_flops,
    )
    own, fewer = (sample_sizes(problem, each)[0] or problem.example_count for each in (estimation, rougher))
    return rougher if WORTH * fewer <= own else None


@dataclass(frozen=True)
class Glance:
    """The evaluators of a first look.

    local  stage → evaluator
    """

    local: Mapping[str, LocalEvaluator]

    def look(self, points: MeasuredPoints) -> Iterator[str]:
        """Measure the coarsest grid of each stage that nothing is known of, into `points.info`; each stage as it is done."""
        rows = np.flatnonzero(points.plan.levels == points.plan.levels.max())
        for stage, evaluator in self.local.items():
            seen = points.info.glance or {"rows": rows.tolist(), "stages": {}}
            if stage in points.used and stage not in seen["stages"] and not points.done_at(stage).any():
                order = [evaluator.columns.index(points.columns[place]) for place in points.columns_of(stage)]
                found = (row[order] for row in evaluator.evaluate(points.plan.points[rows]))
                values = [[v if math.isfinite(v) else None for v in row.tolist()] for row in found]
                examples = evaluator.instruments.notes["examples"]
                glance = {**seen, "stages": {**seen["stages"], stage: values}, "examples": examples}
                points.info = replace(points.info, glance=glance)
                yield stage


def glance_of(instruments: Instruments, measures: Mapping[str, Sequence[LocalMeasure]]) -> Glance | None:
    """A first look at what is measured with `instruments`, stage → measures; None where it would save too little."""
    settings = rough(instruments.problem, instruments.estimation)
    if settings is None:
        return None
    rougher = replace(instruments, estimation=settings)
    return Glance({stage: LocalEvaluator(rougher, each) for stage, each in measures.items()})


def glanced(points: MeasuredPoints) -> tuple[MeasuredPoints, dict[str, Any]]:
    """`points` with a first look's values where a stage has no coarse grid of its own yet, and what is said of them by stage."""
    seen = points.info.glance or {"rows": [], "stages": {}}
    rows = np.array(seen["rows"], int)
    waiting = [s for s in seen["stages"] if s in points.used and not points.done_at(s)[rows].all()]
    if not waiting:
        return points, {}
    values, done = points.values.copy(), points.done.copy()
    for stage in waiting:
        columns = np.array(points.columns_of(stage))
        values[:, columns], done[:, STAGES.index(stage)] = np.nan, False
        values[np.ix_(rows, columns)] = np.array(seen["stages"][stage], float)
        done[rows, STAGES.index(stage)] = True
    said = {"points": len(rows), "examples": seen["examples"]}
    return replace(points, values=values, done=done), dict.fromkeys(waiting, said)
