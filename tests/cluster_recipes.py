"""Surveys by name for tests on several processes: every worker imports this file, as a person's own would be."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cases
import numpy as np
from lossnav.core import Plane, Problem
from lossnav.core.engine import Evaluator
from lossnav.core.survey import Specification

DEATH = "LOSSNAV_TEST_DEATH"  # a folder; the worker that first leaves its mark there dies in the middle of a tile
OTHER = "LOSSNAV_TEST_OTHER"  # of workers that have another version of the problem's file


def every_stage(words: Mapping[str, Any]) -> Specification:
    problem = with_path(words)
    _die_once(os.environ.get(DEATH))
    return Specification(
        problem,
        Plane.random(problem),
        tuple(words.get("shape", (5, 5))),
        tuple(words.get("overlays", ("slope", "viscosity", "sharpness", "basin"))),
        "cpu",
        tolerance=words.get("tolerance"),
        fidelity=bool(words.get("fidelity")),
    )


def with_path(words: Mapping[str, Any]) -> Problem:
    return cases.with_path(int(words.get("seed", 0)) + int(os.environ.get(OTHER, 0)))


def _die_once(folder: str | None) -> None:
    if folder is None:
        return
    measured, calls = Evaluator.evaluate, iter(range(10**9))

    def deadly(self: Evaluator, points: np.ndarray) -> np.ndarray:
        found = measured(self, points)  # the tile is measured, and lost
        if next(calls) == 2:
            try:
                Path(folder, "died").touch(exist_ok=False)
            except FileExistsError:
                return found
            os.kill(os.getpid(), signal.SIGKILL)
        return found

    Evaluator.evaluate = deadly  # type: ignore[method-assign]


def with_metrics(words: Mapping[str, Any]) -> Specification:
    def never(outputs: Any, targets: Any) -> float:
        raise KeyError("no such class")

    inputs, targets = cases.normal(8, 3, seed=1), cases.labels(8, classes=4, seed=1)
    problem = cases.classifier(metrics={"never": never, "mean": lambda z, y: z.mean()}, test=(inputs, targets))
    return Specification(problem, Plane.random(problem), (3, 3), device="cpu")
