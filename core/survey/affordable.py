"""How many points of a costly stage an adaptive survey measures at an effort that is bounded, however rough the terrain is.

Counted in floating-point operations and not in seconds, so that the same survey measures the same points on every machine.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from ..local.estimation import Estimation
from ..local.measure import LocalMeasure, Work
from ..local.samples import example_flops, fisher_row_count, sample_sizes
from ..problem.problem import Problem
from .footprint import gradient_rows

STAGE_PASSES = 7_000  # passes of `Estimation.pass_flops` operations that a stage may take
GRADIENT_PASSES = 3  # forward passes that a gradient takes as long as,
PRODUCT_PASSES = 6  # and a product with the curvature (benchmarks/NOTES.md)


def affordable_points(
    problem: Problem, estimation: Estimation, measures: Mapping[str, Sequence[LocalMeasure]]
) -> dict[str, int]:
    """Stage → the points that it may measure; empty where nothing is bounded: all examples, or a number that was asked for.

    measures  stage → what is measured in it

    >>> from torch import nn, zeros
    >>> from ..properties.selection import wanted
    >>> problem = Problem(nn.Linear(300, 300), zeros(10_000, 300), zeros(10_000, 300), loss="mse")
    >>> measures = {"curvature": wanted(problem, ("coupling",)).local_measures("curvature")}
    >>> affordable_points(problem, Estimation(pass_flops=4e7), measures)  # 7 blocks of 4 products on 256 examples, 180,000 each
    {'curvature': 36}
    >>> affordable_points(problem, Estimation(), measures)
    {}
    """
    if not estimation.pass_flops or estimation.examples is None:
        return {}
    budget = STAGE_PASSES * estimation.pass_flops
    costs = {stage: _flops(problem, estimation, stage, [m.work for m in each]) for stage, each in measures.items()}
    return {stage: math.floor(budget / flops) for stage, flops in costs.items()}


def _flops(problem: Problem, estimation: Estimation, stage: str, works: Sequence[Work]) -> float:
    everything, each = problem.example_count, example_flops(problem)
    bent, walked = (everything if size is None else size for size in sample_sizes(problem, estimation))
    if stage == "curvature":
        blocks = estimation.steps + len({name for work in works for name in work.blocks})
        products = min(blocks * estimation.probes, problem.parameter_count)  # of more the whole matrix is made
        return each * PRODUCT_PASSES * products * bent
    passes = GRADIENT_PASSES * everything * sum(work.passes for work in works)
    if stage == "descent":
        steps = GRADIENT_PASSES * estimation.descent_steps * sum(work.descents for work in works)
        return each * (passes + walked * (steps + sum(work.losses for work in works))) or each
    single, most = gradient_rows(problem, estimation), fisher_row_count(problem)
    rows = [single] if any(work.examples for work in works) else []
    if any(work.fisher for work in works):  # as many for each example as there is room for
        rows.append(most - most % single if single < most else most)
    pairs = sum(count**2 for count in rows) * problem.parameter_count  # inner products, of which half are another's
    return each * (passes + GRADIENT_PASSES * (everything + sum(rows))) + pairs
