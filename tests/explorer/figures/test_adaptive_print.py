"""An adaptive landscape in print: the whole grid, as on the page."""

import cases
from lossnav.core import Plane, survey
from lossnav.explorer.figures.paper.grid import complete_grid


def test_the_whole_grid_is_drawn_though_few_of_its_points_are_measured() -> None:
    problem = cases.smooth(n=20)
    land = survey(problem, Plane.random(problem), (33, 33), tolerance=0.02)
    assert not bool(land["measured"].all())
    drawn = complete_grid(land)
    assert drawn["loss"].shape == (33, 33)
    assert bool(drawn["loss"].notnull().all())
