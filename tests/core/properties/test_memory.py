"""Memory: the occupation against a loop over checkpoints in the full parameter space."""

from __future__ import annotations

import json
from itertools import pairwise

import cases
import numpy as np
import pytest
import reference
import torch
from lossnav.core import Plane, Settings, Trajectory, survey
from lossnav.core.survey.reading import read_landscape
from torch import Tensor


@pytest.mark.parametrize("width", [None, 0.5, 20.0])
@pytest.mark.parametrize("kind", ["random", "trajectory"])
def test_occupation_is_the_sum_over_the_path(kind: str, width: float | None, tmp_path: object) -> None:
    problem = cases.with_path()
    assert problem.trajectory is not None
    plane = Plane.random(problem) if kind == "random" else Plane.trajectory(problem)
    survey(problem, plane, (5, 4), overlays=("memory",), store=f"{tmp_path}/land")
    land = read_landscape(f"{tmp_path}/land", Settings(width=width))
    h = width or json.loads(land.attrs["facts"])["memory"]["width"]
    path = list(problem.trajectory)
    found = np.array(
        [[reference.occupation(plane.at(a, b), path, h) for b in land.beta.values] for a in land.alpha.values]
    )
    assert land["memory"].values == pytest.approx(found / found.max(), rel=1e-6)
    assert land["memory"].values.max() == 1.0


def test_far_from_the_path_it_underflows_to_small_numbers_not_to_nothing() -> None:
    problem = cases.with_path()
    land = survey(problem, Plane.random(problem), (3, 3), ((500, 501), (500, 501)), overlays=("memory",))
    assert land["memory"].values.max() == 1.0
    assert np.isfinite(land["memory"].values).all()


def test_a_path_far_above_the_plane_leaves_less_on_it() -> None:
    problem = cases.classifier()
    plane = Plane.random(problem)
    above = {k: cases.normal(*v.shape, seed=9) for k, v in problem.parameters.items()}
    alpha, beta, _ = plane.project({k: v + above[k] for k, v in problem.parameters.items()})
    rest = {k: above[k] - alpha * plane.directions[0][k] - beta * plane.directions[1][k] for k in above}

    def lifted(a: float, height: float) -> dict[str, Tensor]:
        return {k: v + height * rest[k] for k, v in plane.at(a, 0.0).items()}

    path = Trajectory([lifted(-0.5, 0.0), lifted(-0.5, 1e-3), lifted(0.5, 3.0), lifted(0.5, 3.001)])
    land = survey(cases.classifier(trajectory=path), plane, (3, 1), ((-0.5, 0.5), (0, 0)), overlays=("memory",))
    assert land["memory"].values[0, 0] > 2 * land["memory"].values[2, 0]


def test_the_path_is_in_the_landscape_whether_memory_was_asked_for_or_not() -> None:
    problem = cases.with_path()
    assert problem.trajectory is not None
    plane = Plane.trajectory(problem)
    land = survey(problem, plane, (2, 2))
    for t, point in enumerate(problem.trajectory):
        expected = reference.least_squares(point, plane.origin, plane.directions)
        found = [float(land[f"path_{k}"][t]) for k in ("alpha", "beta", "off_plane")]
        assert found == pytest.approx(list(expected), abs=1e-9)
    assert land["path_step"].values.tolist() == list(problem.trajectory.steps)


def test_length_and_displacement() -> None:
    rows = cases.normal(6, 5)
    path = Trajectory([{"w": row} for row in rows])
    assert path.length == pytest.approx(sum(float((b - a).norm()) for a, b in pairwise(rows)))
    assert path.displacement == pytest.approx(float((rows[-1] - rows[0]).norm()))


def test_a_path_in_half_precision_steps_keeps_its_small_differences() -> None:
    start = torch.ones(1000, dtype=torch.float32) * 1000
    step = torch.full((1000,), 2.0**-13)
    path = Trajectory([{"w": start}, {"w": start + step}])
    assert path.length == pytest.approx(float((start + step - start).double().norm()), rel=1e-12)
    assert path.length > 0
