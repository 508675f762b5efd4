"""Points measured side by side, on benches that are kept."""

import cases
import numpy as np
import pytest
import torch
from lossnav.core import Plane
from lossnav.core.local.context import Instruments
from lossnav.core.local.estimation import Estimation
from lossnav.core.local.evaluator import LocalEvaluator
from lossnav.core.properties.selection import wanted

POINTS = np.random.default_rng(0).uniform(-1, 1, (7, 2))


def evaluator(batchnorm: str = "eval") -> LocalEvaluator:
    problem = cases.convolution(batchnorm, n=24)
    instruments = Instruments(problem, Plane.random(problem), Estimation(), 0, torch.device("cpu"))
    asked = wanted(problem, ("viscosity", "coupling", "density_coverage"))
    return LocalEvaluator(instruments, asked.local_measures("curvature") + asked.local_measures("gradient"))


def rows(of: LocalEvaluator, points: np.ndarray) -> np.ndarray:
    return np.array(list(of.evaluate(points)))


def test_a_point_is_the_same_whatever_was_measured_before_it() -> None:
    for batchnorm in ("eval", "recalibrate"):
        torch.set_num_threads(1)
        alone = rows(evaluator(batchnorm), POINTS)
        torch.set_num_threads(3)
        several = evaluator(batchnorm)
        np.testing.assert_array_equal(rows(several, POINTS), alone)
        np.testing.assert_array_equal(rows(several, POINTS[::-1])[::-1], alone)


def test_benches_are_made_once() -> None:
    torch.set_num_threads(2)
    several = evaluator()
    rows(several, POINTS)
    before = several.instruments.benches(2)
    rows(several, POINTS)
    assert several.instruments.benches(2) == before


@pytest.mark.parametrize("threads", [1, 2])
def test_benches_hold_nothing_of_their_last_point(threads: int) -> None:
    torch.set_num_threads(threads)
    several = evaluator()
    found = several.evaluate(POINTS)
    next(found)
    used = several.instruments.benches(2) if threads == 2 else [several.instruments.first_bench]
    assert any(bench.curvature.function._linearised is not None for bench in used)
    found.close()  # as where a survey is stopped
    assert all(bench.curvature.function._linearised is None for bench in used)
