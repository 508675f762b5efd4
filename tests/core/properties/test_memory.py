"""Memory: share and distance of the path against walking along it in small steps, in the full parameter space."""

from __future__ import annotations

import json
from itertools import pairwise

import cases
import numpy as np
import pytest
import reference
import torch
from lossnav.core import Plane, Problem, Settings, Trajectory, survey
from lossnav.core.properties.memory import _segments, nearest, path_scalars, share_within
from lossnav.core.survey.reading import read_landscape
from torch import Tensor


@pytest.mark.parametrize("width", [None, 0.5, 20.0])
@pytest.mark.parametrize("kind", ["random", "trajectory"])
def test_occupation_is_the_share_of_the_path_that_lies_near(kind: str, width: float | None, tmp_path: object) -> None:
    problem = cases.with_path()
    assert problem.trajectory is not None
    plane = Plane.random(problem) if kind == "random" else Plane.trajectory(problem)
    survey(problem, plane, (5, 4), overlays=("memory",), store=f"{tmp_path}/land")
    land = read_landscape(f"{tmp_path}/land", Settings(width=width))
    h = width or json.loads(land.attrs["facts"])["memory"]["width"]
    path = list(problem.trajectory)
    for place, point in reference.places(land, plane):
        share, distance = reference.walked(point, path, h)
        assert float(land["memory"][place]) == pytest.approx(share, abs=2e-3)
        assert float(land["memory_distance"][place]) == pytest.approx(distance, rel=1e-4)


def test_it_is_absolute_so_that_two_spans_say_the_same_of_a_place() -> None:
    problem = cases.with_path()
    plane = Plane.random(problem)
    near, far = (survey(problem, plane, (3, 3), ((-r, r), (-r, r)), overlays=("memory",)) for r in (0.5, 50.0))
    for name in ("memory", "memory_distance"):
        assert float(near[name][1, 1]) == float(far[name][1, 1])
    assert (far["memory"].values[0] == 0).all()  # nothing of the path lies there
    assert np.isfinite(far["memory_distance"].values).all()


def test_a_straight_path_through_the_middle_of_a_ball() -> None:
    """A path of length 2 along α through the origin: a ball of radius ½ around its middle holds half of it."""
    line = Plane.line({"w": torch.tensor([-1.0, 0.0]).double()}, {"w": torch.tensor([1.0, 0.0]).double()})
    problem = Problem(Weights(), torch.zeros(2, 1).double(), torch.zeros(2, 1).double(), loss="mse")
    path = Trajectory([line.at(0.0), line.at(0.3), line.at(1.0)])
    moved = Problem(problem.model, problem.inputs[0], problem.targets, loss="mse", trajectory=path)
    points = survey(moved, line, (3, 1), ((0, 1), (0, 0)), overlays=("memory",)).lossnav.facts["memory"]
    assert path_scalars(points) == pytest.approx({"path_length": 2, "path_displacement": 2, "path_tortuosity": 1})
    squared = np.array([[1.0, 0.16, 1.0], [1.25, 0.41, 1.25]])  # from (0, 0), and from (0, ½)
    segments = np.array([0.6, 1.4])
    assert share_within(squared, segments, 0.5).tolist() == pytest.approx([0.5, 0.0])
    assert nearest(squared, segments).tolist() == pytest.approx([0.0, 0.5], abs=1e-7)


class Weights(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.w = torch.nn.Parameter(torch.tensor([1.0, 0.0]).double())

    def forward(self, x: Tensor) -> Tensor:
        return x + self.w.sum()


def test_landscapes_from_before_the_pieces_were_kept_say_the_same() -> None:
    segments = [0.5, 2.0, 0.25, 1.0]
    weights = 0.5 * (np.append(segments, 0.0) + np.append(0.0, segments))
    assert _segments({"weight": weights.tolist()}).tolist() == pytest.approx(segments)


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
    assert land["memory_distance"].values[0, 0] < 0.01 * land["memory_distance"].values[2, 0]


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
