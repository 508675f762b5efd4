"""Interpolants of scattered points."""

import numpy as np
import pytest
from lossnav.core.adaptive.committee import FEWEST, POSITIVE, SIGNED, interpolants, middle, transforms_for


def places(shape=(9, 9)):
    axes = [np.linspace(0, 1, n) for n in shape if n > 1]
    return np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, len(axes))


def known_of(count, seed=0, fraction=0.5):
    return np.random.default_rng(seed).random(count) < fraction


def test_every_member_goes_through_the_points():
    where, known = places(), known_of(81)
    truth = np.exp(np.sin(3 * where[:, 0]) + where[:, 1])
    found = interpolants(where, known, {"v": truth[known]}, {"v": 1.0})["v"]
    assert {which for _, which in found} == set(POSITIVE)
    for member in found.values():
        np.testing.assert_allclose(member[known], truth[known], rtol=1e-7)


def test_a_quadratic_is_found_exactly_under_no_transform():
    where, known = places(), known_of(81)
    truth = where[:, 0] ** 2 - where[:, 0] * where[:, 1]
    found = interpolants(where, known, {"v": truth[known]}, {"v": 1.0})["v"]
    np.testing.assert_allclose(found["quintic", "1"], truth, atol=1e-9)
    np.testing.assert_allclose(found["cubic", "1"], truth, atol=1e-9)
    np.testing.assert_allclose(middle(found, "1", 1.0, -np.inf), truth, atol=1e-9)


def test_the_exponential_of_a_quadratic_is_found_exactly_under_the_logarithm():
    where, known = places(), known_of(81)
    truth = np.exp(-5 * (where**2).sum(1))
    found = interpolants(where, known, {"v": truth[known]}, {"v": 1.0})["v"]
    np.testing.assert_allclose(middle(found, "log", 1.0, 1e-9), truth, rtol=1e-8)


def test_more_points_bring_it_nearer():
    def error(n):
        where = places((33, 33))
        known = np.zeros((33, 33), bool)
        known[:: 32 // n, :: 32 // n] = True
        truth = np.sin(4 * where[:, 0]) * np.cos(3 * where[:, 1])
        found = interpolants(where, known.ravel(), {"v": truth[known.ravel()]}, {"v": 1.0})["v"]
        return abs(found["quintic", "1"] - truth).max()

    assert error(16) < error(8) / 8 < error(4) / 64


def test_a_line_has_one_axis():
    where, known = places((33, 1)), np.arange(33) % 4 == 0
    found = interpolants(where, known, {"v": (where[:, 0] ** 2)[known]}, {"v": 1.0})["v"]
    np.testing.assert_allclose(found["cubic", "1"], where[:, 0] ** 2, atol=1e-9)


def test_signed_values_get_the_symmetric_logarithm():
    assert transforms_for(np.array([-1.0, 2.0])) == SIGNED
    assert transforms_for(np.array([1.0, 2.0])) == POSITIVE


@pytest.mark.parametrize("known", [np.arange(81) < FEWEST - 1, np.arange(81) < 9], ids=["too few", "on one line"])
def test_points_that_fix_no_surface_give_nothing(known):
    assert interpolants(places(), known, {"v": np.ones(known.sum())}, {"v": 1.0}) == {}
