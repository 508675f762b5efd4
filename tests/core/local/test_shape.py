"""Shapes of points on functions whose slopes and curvatures are known by heart."""

from __future__ import annotations

from collections.abc import Callable

import cases
import numpy as np
import pytest
import torch
from lossnav.core import Plane, Problem, Settings, survey
from lossnav.core.properties.terrain import SHAPES, shape
from lossnav.core.survey.reading import read_landscape
from torch import Tensor, nn

AT = ((0.0, 0.0), (0.0, 0.0))


def surface(height: Callable[[Tensor, Tensor], Tensor], start: tuple[float, float] = (0.0, 0.0)) -> Problem:
    """A loss of two parameters."""

    class Point(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.w = nn.Parameter(torch.tensor(start).double())

        def forward(self, x: Tensor) -> Tensor:
            return height(self.w[0], self.w[1]).expand(len(x), 1)

    zeros = torch.zeros(2, 1).double()
    return Problem(Point(), zeros, zeros, loss=lambda f, y: f[:, 0] + 0 * y[:, 0])


def axes(problem: Problem) -> Plane:
    """The two parameters themselves."""
    first, second = ({"w": torch.tensor(v).double()} for v in ([1.0, 0.0], [0.0, 1.0]))
    origin = {"w": torch.zeros(2).double()}
    plus = [{"w": origin["w"] + d["w"]} for d in (first, second)]
    return Plane.through(origin, *plus)


SURFACES: dict[str, tuple[Callable[[Tensor, Tensor], Tensor], tuple[float, float], str]] = {
    "a bowl": (lambda a, b: a**2 + 3 * b**2, (0.0, 0.0), "bowl"),
    "the floor of a trough": (lambda a, b: a**2 + 0 * b, (0.0, 2.0), "bowl"),
    "a saddle": (lambda a, b: a**2 - 0.5 * b**2, (0.0, 0.0), "saddle"),
    "a sloping saddle": (lambda a, b: a**2 - 0.5 * b**2, (2.0, 1.0), "saddle"),
    "a top": (lambda a, b: -(a**2) - b**2, (0.0, 0.0), "ridge"),
    "a crest": (lambda a, b: -(a**2) + 0.2 * b**2 + b, (0.0, 0.0), "ridge"),
    "a flat place": (lambda a, b: 1e-9 * (a + b) + 1.0, (0.3, 0.2), "plateau"),
    "a wall of a bowl": (lambda a, b: a**2 + 3 * b**2, (1.0, 1.0), "valley"),
    "a sloping trough": (lambda a, b: 5 * a**2 + b, (0.0, 0.0), "valley"),
}


@pytest.mark.parametrize("name", SURFACES)
def test_known_surfaces_have_the_shapes_of_their_names(name: str) -> None:
    height, where, expected = SURFACES[name]
    problem = surface(height, where)
    span = ((where[0], where[0]), (where[1], where[1]))
    land = survey(problem, axes(problem), (1, 1), span, overlays=("shape",))
    assert SHAPES[int(land["shape"].item())] == expected


def test_thresholds_are_the_callers(tmp_path: object) -> None:
    # promises a drop of 0.01 from (0.1, 0), where the loss, the unit of a single point, is 1
    problem = surface(lambda a, b: a**2 - 0.05 * b**2 + 0.99, (0.1, 0.0))
    span = ((0.1, 0.1), (0.0, 0.0))
    path = f"{tmp_path}/land"
    survey(problem, axes(problem), (1, 1), span, overlays=("shape",), store=path)

    def seen(**settings: float) -> str:
        return SHAPES[int(read_landscape(path, Settings(**settings))["shape"].item())]

    assert seen(level=0.011) == "bowl"
    assert seen(level=0.009) == "valley"
    assert seen(level=0.011, bend=0.04) == "saddle"
    assert seen(level=0.009, bend=0.04) == "saddle"
    assert seen(level=0.011, bend=0.06) == "bowl"
    assert seen(flat=2.5, level=0.02) == "plateau"  # λₘₐₓ = 2 counts as none


@pytest.mark.parametrize("times", [1e-6, 1.0, 1e5])
def test_a_loss_in_another_unit_has_the_same_shapes(times: float) -> None:
    """A double well's line, whose wells, saddle and walls are all within ±1.5."""
    problem = surface(lambda a, b: times * ((a**2 - 1) ** 2 + 3 * b**2))
    land = survey(problem, axes(problem), (13, 1), ((-1.5, 1.5), (0.0, 0.0)), overlays=("shape",))
    shapes = [SHAPES[int(v)] for v in land["shape"].values.ravel()]
    assert (shapes[2], shapes[6], shapes[10]) == ("bowl", "saddle", "bowl")
    assert shapes == shapes[::-1]
    assert shapes[0] == "valley"


def test_a_plateau_is_one_beside_the_rest_of_the_terrain() -> None:
    """A bump on a plain: far from it the curvature is nothing beside the median of all points."""
    problem = surface(lambda a, b: a**2 * torch.sigmoid(40 * (1 - a)) + 0 * b, (0.0, 0.0))
    land = survey(problem, axes(problem), (9, 1), ((-1.0, 3.0), (0.0, 0.0)), overlays=("shape",))
    shapes = [SHAPES[int(v)] for v in land["shape"].values.ravel()]
    assert shapes[2] == "bowl"
    assert shapes[-1] == "plateau"


def test_each_point_by_hand() -> None:
    slope = np.array([0.0, 0.1, 0.1, 5.0, 0.0, np.nan, 1.0])
    high = np.array([2.0, 2.0, 2.0, 2.0, 1e-4, 1.0, 1.0])
    low = np.array([1.0, -0.1, -0.3, 0.5, -1e-4, 1.0, np.nan])
    found = shape(slope, high, low, Settings())
    names = [SHAPES[int(v)] if np.isfinite(v) else "?" for v in found]
    assert names == ["bowl", "bowl", "saddle", "valley", "plateau", "?", "?"]


def test_a_shape_is_a_class_with_a_name() -> None:
    problem = cases.smooth(2)
    land = survey(problem, Plane.random(problem), (2, 2), overlays=("shape",))
    assert set(np.unique(land["shape"].values)) <= set(range(len(SHAPES)))
    for label in SHAPES:
        assert label in land["shape"].attrs["labels"]
    with pytest.raises(Exception, match="level"):
        Settings(level=0.0)
