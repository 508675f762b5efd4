"""A first look at what is costly: a few points, measured roughly, shown until the survey's own first ones are there."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..local.estimation import PRESETS, Estimation
from ..local.evaluator import LocalEvaluator
from ..local.samples import sample_sizes
from ..problem.problem import Problem
from ..properties.protocol import STAGES

if TYPE_CHECKING:
    from .points import MeasuredPoints

EXAMPLES = 64  # at the least, of a first look
WORTH = 4  # times fewer examples than the survey's own, or a first look hardly comes sooner
KEY = "glance"  # in `MeasuredPoints.about`


def rough(problem: Problem, estimation: Estimation) -> Estimation | None:
    """Settings of a first look: the preview's on half the examples, as far as they are less than `estimation`.

    None where they save too little.

    >>> from torch import nn, zeros
    >>> small, large = (Problem(nn.Linear(n, n), zeros(10_000, n), zeros(10_000, n), loss="mse") for n in (3, 300))
    >>> rough(small, PRESETS["standard"]) is None, rough(large, PRESETS["standard"]).probes
    (True, 3)
    """
    preview = PRESETS["preview"]
    found = replace(
        estimation,
        probes=min(preview.probes, estimation.probes),
        steps=min(preview.steps, estimation.steps),
        examples=EXAMPLES,
        pass_flops=preview.pass_flops,
    )
    own, fewer = (sample_sizes(problem, each)[0] or problem.example_count for each in (estimation, found))
    return found if WORTH * fewer <= own else None


@dataclass(frozen=True)
class Glance:
    """The evaluators of a first look.

    local  stage → evaluator
    """

    local: Mapping[str, LocalEvaluator]

    def look(self, points: MeasuredPoints) -> Iterator[str]:
        """Measure the coarsest grid of each stage that nothing is known of, into `points.about`; each stage as it is done."""
        rows = np.flatnonzero(points.plan.levels == points.plan.levels.max())
        about = points.about.setdefault(KEY, {"rows": rows.tolist(), "stages": {}})
        for stage, evaluator in self.local.items():
            if stage in points.used and stage not in about["stages"] and not points.done_at(stage).any():
                found = evaluator.evaluate(points.plan.points[rows])
                about["stages"][stage] = [[v if math.isfinite(v) else None for v in row.tolist()] for row in found]
                about["examples"] = evaluator.instruments.notes["examples"]
                yield stage


def glanced(points: MeasuredPoints) -> tuple[MeasuredPoints, dict[str, Any]]:
    """`points` with a first look's values where a stage has no coarse grid of its own yet, and what is said of them by stage."""
    about = points.about.get(KEY, {"rows": [], "stages": {}})
    rows = np.array(about["rows"], int)
    waiting = [s for s in about["stages"] if s in points.used and not points.done_at(s)[rows].all()]
    if not waiting:
        return points, {}
    values, done = points.values.copy(), points.done.copy()
    for stage in waiting:
        columns = np.array(points.columns_of(stage))
        values[:, columns], done[:, STAGES.index(stage)] = np.nan, False
        values[np.ix_(rows, columns)] = np.array(about["stages"][stage], float)
        done[rows, STAGES.index(stage)] = True
    said = {"points": len(rows), "examples": about["examples"]}
    return replace(points, values=values, done=done), dict.fromkeys(waiting, said)
