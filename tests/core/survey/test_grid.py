"""Plans: every cell once, coarse to fine, each level containing the one before."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from lossnav.core import InputError
from lossnav.core.survey.grid import finest_complete, grid_plan, sparing

SHAPES = [(1, 1), (1, 9), (2, 2), (3, 51), (5, 4), (17, 33), (51, 51), (64, 7)]


@pytest.mark.parametrize("shape", SHAPES)
def test_every_cell_comes_once(shape: tuple[int, int]) -> None:
    plan = grid_plan(shape, ((-1, 1), (0, 3)))
    assert sorted(map(tuple, plan.cells.tolist())) == [(i, j) for i in range(shape[0]) for j in range(shape[1])]
    assert (np.diff(plan.levels) <= 0).all()


@pytest.mark.parametrize("shape", SHAPES)
def test_levels_are_grids_with_their_corners_in_them(shape: tuple[int, int]) -> None:
    plan = grid_plan(shape, ((-1, 1), (0, 3)))
    for level in sorted(set(plan.levels.tolist())):
        upto = plan.cells[plan.levels >= level]
        rows, columns = (sorted(set(upto[:, axis].tolist())) for axis in (0, 1))
        assert len(upto) == len(rows) * len(columns)
        assert {rows[0], columns[0]} == {0}
        assert (rows[-1], columns[-1]) == (shape[0] - 1, shape[1] - 1)


def test_the_first_level_is_coarse() -> None:
    plan = grid_plan((51, 51), ((-1, 1), (-1, 1)))
    assert (plan.levels == plan.levels[0]).sum() < 0.05 * 51 * 51


def test_points_are_the_grids_coordinates() -> None:
    plan = grid_plan((4, 3), ((0.5, 2.0), (-3, -1)))
    for (i, j), (alpha, beta) in zip(plan.cells, plan.points, strict=True):
        assert (alpha, beta) == pytest.approx((np.linspace(0.5, 2, 4)[i], np.linspace(-3, -1, 3)[j]))


def test_values_laid_out_on_the_grid() -> None:
    plan = grid_plan((4, 3), ((0, 1), (0, 1)))
    values = plan.cells[:, 0] * 10.0 + plan.cells[:, 1]
    assert np.array_equal(plan.grid(values), np.arange(4)[:, None] * 10.0 + np.arange(3))


@pytest.mark.parametrize("shape", SHAPES)
def test_finest_complete_is_the_last_level_that_is_done(shape: tuple[int, int]) -> None:
    plan = grid_plan(shape, ((-1, 1), (0, 3)))
    measured = np.zeros(shape, bool)
    assert finest_complete(measured) is None
    for done, (i, j) in enumerate(plan.cells, start=1):
        measured[i, j] = True
        found = finest_complete(measured)
        waiting = plan.levels[done:].max(initial=0)
        if waiting == plan.levels[0]:
            assert found is None
            continue
        assert found is not None
        assert measured[np.ix_(*found)].all()
        expected = int((plan.levels > waiting).sum())
        assert len(found[0]) * len(found[1]) == expected


@pytest.mark.parametrize("shape", [(0, 3), (-1, 2), (3,), (2, 2, 2), (2.5, 3)])
def test_impossible_shapes(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="shape should be two whole numbers"):
        grid_plan(shape, ((-1, 1), (-1, 1)))  # type: ignore[arg-type]


@pytest.mark.parametrize("span", [((1, -1), (0, 1)), ((0, 1), (2, 2)), ((0, np.nan), (0, 1)), ((0, 1), (-np.inf, 1))])
def test_impossible_spans(span: tuple[tuple[float, float], tuple[float, float]]) -> None:
    with pytest.raises(InputError, match=r"span of (alpha|beta) should run from a lower"):
        grid_plan((3, 3), span)


def test_a_span_of_another_form() -> None:
    with pytest.raises(InputError, match="span should be"):
        grid_plan((3, 3), ((0, 1),))  # type: ignore[arg-type]


@pytest.mark.parametrize("count", [3, 5, 9, 25, 51, 101])
def test_the_middle_is_in_every_level(count: int) -> None:
    plan = grid_plan((count, count), ((-1, 1), (-1, 1)))
    for stride in (1, 2, 4, 8, 16, 1024):
        kept = plan.points[plan.every(stride)]
        assert any((alpha, beta) == (0.0, 0.0) for alpha, beta in kept)
        assert {(-1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)} <= {(float(a), float(b)) for a, b in kept}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_coarser_subgrid_is_part_of_the_finer_ones(shape: tuple[int, int]) -> None:
    plan = grid_plan(shape, ((-1, 1), (0, 3)))
    masks = [plan.every(stride) for stride in (1, 2, 4, 8)]
    assert masks[0].all()
    for fine, coarse in pairwise(masks):
        assert (fine | ~coarse).all()


def test_the_sparing_stride_leaves_at_most_so_many_rows() -> None:
    for count in (5, 9, 17, 25, 33, 51, 101, 201):
        for most in (9, 17):
            plan = grid_plan((count, count), ((-1, 1), (-1, 1)))
            rows = len(np.unique(plan.cells[plan.every(sparing((count, count), most))][:, 0]))
            assert rows <= most
            assert rows > most // 2 or rows == count
