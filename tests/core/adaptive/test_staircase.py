"""Counts of few examples: drawn between neighbours, within an error that holds, and refined for by nobody."""

import cases
import numpy as np
import pytest
from lossnav.core import Plane, survey
from lossnav.core.adaptive.error_estimate import Places, appraise
from lossnav.core.adaptive.staircase import between_neighbours, step_of

X, Y = np.meshgrid(*(np.linspace(-1, 1, 33),) * 2, indexing="ij")
STAIRS = np.round(20 * np.exp(-(X**2) - 2 * Y**2)) / 20


@pytest.fixture
def coarse():
    asked = np.zeros(X.shape, bool)
    asked[::4, ::4] = True
    return asked


def test_the_step_is_one_example_over_their_number():
    assert step_of(np.array([3, 5, 6, 9, 3]) / 178) == pytest.approx(1 / 178)


def test_values_stay_between_those_of_their_neighbours_and_never_ring(coarse):
    found, _ = between_neighbours(Places(coarse).coordinates, coarse.ravel(), STAIRS[coarse])
    assert STAIRS[coarse].min() <= found.min()
    assert found.max() <= STAIRS[coarse].max()
    np.testing.assert_array_equal(found.reshape(X.shape)[coarse], STAIRS[coarse])


def test_a_plane_is_exact_on_the_triangles(coarse):
    truth = 1 + X - 0.5 * Y
    found, _ = between_neighbours(Places(coarse).coordinates, coarse.ravel(), truth[coarse])
    np.testing.assert_allclose(found, truth.ravel(), atol=1e-12)


def test_the_error_holds_at_nineteen_of_twenty_points(coarse):
    found = appraise(Places(coarse), {"accuracy": STAIRS}, {"accuracy": ("linear",)})["accuracy"]
    off = abs(found.values - STAIRS) / np.ptp(STAIRS[coarse])
    assert (off <= found.shares)[~coarse].mean() >= 0.95
    assert off.max() <= found.shares.max()


def test_a_line_has_straight_pieces():
    asked = np.arange(33) % 8 == 0
    found, errors = between_neighbours(np.linspace(0, 1, 33)[:, None], asked, STAIRS[::8, 16])
    np.testing.assert_allclose(found, np.interp(np.arange(33), np.arange(0, 33, 8), STAIRS[::8, 16]))
    assert (errors[asked] == 0).all()


def test_an_accuracy_refines_nothing():
    problem = cases.smooth(n=40)
    with_it = survey(problem, Plane.random(problem, seed=1), (33, 33), tolerance=0.02)
    assert "accuracy" in with_it
    assert with_it["accuracy_error"].max() > 0
    assert (
        with_it.lossnav.adaptive["forward"]["error"] <= 0.02 < with_it.lossnav.adaptive["forward"]["errors"]["accuracy"]
    )
