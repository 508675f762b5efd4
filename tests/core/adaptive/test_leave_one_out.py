"""What leaving measured points out says: against splines fitted anew without them, and against scipy's."""

import numpy as np
import pytest
from lossnav.core.adaptive import leave_one_out
from lossnav.core.adaptive.display_scale import DisplayScales
from lossnav.core.adaptive.leave_one_out import CUBIC, QUINTIC, foretold, spline
from scipy.interpolate import RBFInterpolator

AXIS = np.linspace(0, 1, 9)
PLACES = np.stack(np.meshgrid(AXIS, AXIS, indexing="ij"), -1).reshape(-1, 2)
KNOWN = np.random.default_rng(0).permutation(81) < 30


def heights(places):
    return np.stack([np.sin(4 * places[:, 0]) + places[:, 1] ** 2, np.exp(places @ (2.0, -1.0))], 1)


@pytest.mark.parametrize(("power", "kernel"), [(CUBIC, "cubic"), (QUINTIC, "quintic")])
@pytest.mark.parametrize("places", [PLACES, PLACES[:, :1]], ids=["plane", "line"])
def test_values_are_those_of_scipy_with_and_without_each_point(power, kernel, places):
    places = places if places.shape[1] == 2 else np.linspace(0, 1, 81)[:, None]
    data = heights(np.resize(places.T, (2, 81)).T)[KNOWN]
    found = spline(places, KNOWN, data, power)
    spots = places[KNOWN]

    def theirs(rest, at):
        return RBFInterpolator(spots[rest], data[rest], kernel=kernel, degree=2)(at)

    np.testing.assert_allclose(found.everywhere, theirs(slice(None), places), atol=1e-6)
    for index in range(len(spots)):
        rest = np.arange(len(spots)) != index
        np.testing.assert_allclose(found.left_out[index], theirs(rest, spots[[index]])[0], atol=1e-6)


@pytest.mark.parametrize("power", [CUBIC, QUINTIC])
def test_neighbours_alone_give_nearly_the_same(power, monkeypatch):
    fine = np.stack(np.meshgrid(*[np.linspace(0, 1, 31)] * 2), -1).reshape(-1, 2)
    known = np.random.default_rng(0).random(961) < 0.4
    whole = spline(fine, known, heights(fine)[known], power)
    monkeypatch.setattr(leave_one_out, "MANY", 100)
    near = spline(fine, known, heights(fine)[known], power)
    inner = ((fine > 0.1) & (fine < 0.9)).all(1)  # along the border the far points count more
    beside = inner[known]
    np.testing.assert_allclose(near.everywhere[inner], whole.everywhere[inner], atol=1e-3)
    np.testing.assert_allclose(near.left_out[beside], whole.left_out[beside], atol=1e-3)


@pytest.mark.parametrize("known", [[0, 1, 2], [0, 9, 18, 27, 36, 45, 54, 63, 72], list(range(0, 81, 10))])
def test_too_few_points_or_points_on_one_line_foretell_nothing(known):
    chosen = np.isin(np.arange(81), known)
    values = {"v": heights(PLACES)[chosen, 0]}
    assert foretold(PLACES, chosen, values, {"v": DisplayScales.of(values["v"], ("linear",))}) == {}


def test_the_transform_is_the_one_that_foretells_best():
    """A Gaussian's logarithm is a polynomial of degree two, which both splines hold: nothing is left to foretell."""
    bell = np.exp(-8 * ((PLACES - 0.4) ** 2).sum(1))
    values, shares = foretold(PLACES, KNOWN, {"v": bell[KNOWN]}, {"v": DisplayScales.of(bell[KNOWN], ("linear",))})["v"]
    np.testing.assert_allclose(values, bell, atol=1e-6)
    assert shares.max() < 1e-5
