"""What a process of its own measures of a survey to 1 %: when it can first be drawn, and when it is done."""

from __future__ import annotations

import time
from typing import Any

from lossnav.core import Plane, Tolerance, load_problem, survey
from lossnav.core.properties.protocol import STAGES
from lossnav.core.survey.run import SurveyRun
from lossnav.core.survey.specification import Specification

FIRST = 81  # points of the whole 9 × 9 grid, with which an adaptive survey begins
SHARE, WARM = 0.01, (2, 2)


def picture(job: dict[str, Any]) -> dict[str, Any]:
    """Seconds and points of forward passes to the first picture and to the end, from the network to the landscape."""
    problem, side = load_problem(job["sample"]), job["side"]
    survey(problem, Plane.random(problem, seed=1), WARM)  # as every tool is warmed
    start, first = time.perf_counter(), None
    plane = Plane.random(problem)
    run = SurveyRun.of(Specification(problem, plane, (side, side), tolerance=Tolerance(SHARE), device=job["device"]))
    left = True
    while left:
        left = run.advance(0)
        if first is None and made(run) >= FIRST:
            first = time.perf_counter() - start, made(run)
    seconds = time.perf_counter() - start
    first = first or (seconds, made(run))
    return {"first_seconds": first[0], "first_points": first[1], "seconds": seconds, "points": made(run)}


def made(run: SurveyRun) -> int:
    return int(run.points.done_at(STAGES[0]).sum())
