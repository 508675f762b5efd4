"""Where an adaptive survey measures, and whether its error can be believed: on functions whose truth is known."""

import numpy as np
import pytest
from lossnav.core.adaptive.display_scale import DisplayScales
from lossnav.core.adaptive.error_estimate import Places, appraise
from lossnav.core.adaptive.refinement import NOISE, NOISIEST, Followed, Refinement
from lossnav.core.survey.grid import nested_grids

SHAPE = (65, 65)
X, Y = np.meshgrid(*(np.linspace(-1, 1, n) for n in SHAPE), indexing="ij")

SURFACES = {
    "bowl": 0.1 + X**2 + 3 * Y**2,
    "waves": 2 + np.sin(3 * X) * np.cos(2 * Y),
    "steep": np.exp(4 * X) + Y**2,
    "well": 3 - 2 * np.exp(-((X - 0.2) ** 2 + Y**2) / 0.05),
    "valley": 0.01 + (Y - 0.5 * X**2) ** 2 + 0.1 * X**2,
    "signed": X**3 - Y,
}


def refined(truth, tolerance=0.01, scales=("linear",), seed=0, held_out=24, noise=None, rounding=0.0):
    grids = nested_grids(truth.shape)
    refinement = Refinement(
        grids[1:3], np.ones(truth.shape, bool), {"v": Followed(scales)}, tolerance, held_out, seed, rounding
    )
    asked = []
    while True:
        known = np.where(refinement.asked, truth, np.nan)
        cells = refinement.next({"v": known}, {} if noise is None else {"v": noise})
        if not len(cells):
            break
        asked.append(cells)
    found = appraise(Places(refinement.asked), {"v": known}, {"v": scales})["v"]
    return refinement, found, asked


def share(found, truth, scales=("linear",)):
    return DisplayScales.of(truth.ravel(), scales).share(found.values, truth).max()


@pytest.mark.parametrize("name", SURFACES)
def test_the_error_is_within_the_tolerance_with_a_fraction_of_the_points(name):
    truth = SURFACES[name]
    refinement, found, _ = refined(truth)
    assert share(found, truth) <= 0.01
    assert refinement.largest <= 0.01
    assert refinement.asked.sum() <= truth.size / 10


def test_a_smooth_surface_takes_little_more_than_the_coarse_grid_and_what_is_held_out():
    assert 81 + 24 <= refined(SURFACES["waves"])[0].asked.sum() <= 170


def test_a_tighter_tolerance_takes_more_points_and_comes_nearer():
    loose, tight = (refined(SURFACES["well"], t) for t in (0.02, 0.001))
    assert loose[0].asked.sum() < tight[0].asked.sum()
    assert share(tight[1], SURFACES["well"]) <= 0.001


def test_a_logarithmic_drawing_is_refined_where_the_surface_is_low():
    truth = 1e-4 + np.hypot(X, Y) ** 1.5
    linear, logarithmic = refined(truth), refined(truth, scales=("log",))
    near = X**2 + Y**2 < 0.04
    assert logarithmic[0].asked[near].sum() > 2 * linear[0].asked[near].sum()
    assert share(logarithmic[1], truth, ("log",)) <= 0.01 < share(linear[1], truth, ("log",))


def test_a_crease_is_refined_along_it():
    truth = np.maximum(X + 0.3 * Y, 0.5 * Y - X) + 2
    refinement, found, _ = refined(truth, 0.002)
    assert share(found, truth) <= 2 * 0.002  # a kink between points shows itself only where a point falls beside it
    crease = abs((X + 0.3 * Y) - (0.5 * Y - X)) < 0.15
    assert refinement.asked[crease].mean() > 2 * refinement.asked[~crease].mean()


def test_a_rough_terrain_is_measured_everywhere_and_no_point_twice():
    truth = np.random.default_rng(0).random((33, 33))
    refinement, found, asked = refined(truth)
    cells = np.concatenate(asked)
    assert refinement.asked.all()
    assert len(np.unique(cells, axis=0)) == len(cells) == truth.size
    np.testing.assert_array_equal(found.values, truth)


def test_nothing_is_refined_below_the_noise_and_the_error_says_so():
    """All points share their probes: noise moves them together, and what lies between them is as uncertain as it was."""
    truth = SURFACES["well"]
    exact, noisy = (refined(truth, 0.001, noise=n, held_out=0) for n in (None, np.full(truth.shape, 0.05)))
    assert noisy[0].asked.sum() < exact[0].asked.sum() / 2
    assert exact[0].largest <= 0.001
    assert 0.001 < share(noisy[1], truth) <= noisy[0].largest <= NOISE * 0.05 / np.ptp(truth)


def test_however_noisy_a_readout_its_picture_is_better_than_a_guess():
    truth = np.random.default_rng(0).random((17, 17))
    refinement, found, _ = refined(truth, 0.01, noise=np.full(truth.shape, 10.0), held_out=0)
    assert refinement.largest <= NOISIEST
    assert share(found, truth) <= NOISIEST


def test_what_is_flat_but_for_rounding_is_not_refined():
    truth = (1 + 1e-6 * np.random.default_rng(0).random(SHAPE)).astype(np.float32).astype(float)
    eps = np.finfo(np.float32).eps
    assert refined(truth, 0.05, held_out=0, rounding=eps)[0].asked.sum() == 81


@pytest.mark.parametrize("tolerance", [0.2, 0.1, 0.05])
@pytest.mark.parametrize("name", SURFACES)
def test_without_points_held_out_the_error_holds_too(name, tolerance):
    truth = SURFACES[name][::4, ::4]
    refinement, found, _ = refined(truth, tolerance, held_out=0)
    assert share(found, truth) <= refinement.largest + 1e-9
    assert refinement.largest <= tolerance
    assert refinement.asked.sum() < truth.size / 2


def test_the_same_values_ask_for_the_same_points():
    first, second = (refined(SURFACES["steep"])[2] for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def test_measured_points_keep_their_values_and_have_no_error():
    refinement, found, _ = refined(SURFACES["well"])
    np.testing.assert_array_equal(found.values[refinement.asked], SURFACES["well"][refinement.asked])
    assert (found.shares[refinement.asked] == 0).all()
    assert (found.errors[refinement.asked] == 0).all()


def test_the_edge_of_what_is_no_number_is_traced():
    truth = np.where(X + Y > 0.8, np.inf, 1 + X**2)
    refinement, found, _ = refined(truth)
    assert np.array_equal(np.isinf(found.values), np.isinf(truth))
    assert refinement.asked.sum() < truth.size / 4


def test_the_edge_is_left_alone_where_that_would_cost_too_much():
    truth = np.where(X + Y > 0.8, np.inf, 1 + X**2)
    refinement, found, _ = refined(truth, held_out=0)
    assert refinement.asked.sum() < refined(truth)[0].asked.sum()
    assert np.isinf(found.shares).any()


def test_where_nothing_is_a_number_it_stops():
    refinement, found, _ = refined(np.full(SHAPE, np.nan))
    assert refinement.asked.sum() <= 81 + 24
    assert np.isnan(found.values).all()


@pytest.mark.parametrize("shape", [(51, 51), (65, 1), (4, 4), (1, 1), (25, 101)])
def test_every_grid_ends(shape):
    axes = np.meshgrid(*(np.linspace(0, 1, n) for n in shape), indexing="ij")
    truth = 1 + axes[0] ** 2 + np.sin(axes[1])
    refinement, found, _ = refined(truth, held_out=8)
    assert share(found, truth) <= 0.01
    assert refinement.asked.sum() <= truth.size


@pytest.mark.slow
def test_the_estimate_is_honest_in_nineteen_of_twenty_cases():
    """Random surfaces with bumps and hollows of many widths, none narrower than the coarse grid can see."""
    rng, kept, cases = np.random.default_rng(0), 0, 40
    for seed in range(cases):
        truth = 3 + sum(
            rng.normal()
            * np.exp(-((X - rng.uniform(-1, 1)) ** 2 + (Y - rng.uniform(-1, 1)) ** 2) / rng.uniform(0.2, 1))
            for _ in range(6)
        )
        kept += share(refined(truth, seed=seed)[1], truth) <= 0.01
    assert kept >= 0.95 * cases


@pytest.mark.parametrize("place", [(0.6, 0.6), (-0.35, 0.2), (0.87, 0.87)])
def test_a_loss_that_turns_negative_after_the_coarse_grid_is_followed_down(place):
    """On the logarithmic scale such a loss is drawn linearly from then on; the survey must not end there."""
    hollow = np.exp(-((X - place[0]) ** 2 + (Y - place[1]) ** 2) / 0.01)
    truth = 1 + X**2 + Y**2 - 3 * hollow
    refinement, found, _ = refined(truth, scales=("linear", "log"))
    assert share(found, truth, ("linear", "log")) <= 0.01
    assert np.isfinite(refinement.largest)


def test_infinities_of_one_costly_readout_do_not_end_the_refining_of_another():
    """A pull that is infinite beyond a line is not traced, as points are dear; the slope beside it still is."""
    slope, pull = SURFACES["steep"][::2, ::2], np.where(X > 0.3, np.inf, 1 + Y**2)[::2, ::2]
    shape = slope.shape
    follows = {name: Followed(("linear",)) for name in ("slope", "pull")}
    refinement = Refinement(nested_grids(shape)[:2], np.ones(shape, bool), follows, 0.005, 0)
    while True:
        known = {name: np.where(refinement.asked, v, np.nan) for name, v in (("slope", slope), ("pull", pull))}
        if not len(refinement.next(known, {})):
            break
    scales = dict.fromkeys(known, ("linear",))
    found = appraise(Places(refinement.asked), known, scales)
    assert share(found["slope"], slope) <= 0.005
    assert refinement.largest <= 0.005
    assert refinement.asked.sum() < shape[0] * shape[1]


def pointwise(found, truth, scales=("linear",)):
    between = found.shares > 0
    return (DisplayScales.of(truth.ravel(), scales).share(found.values, truth) <= found.shares)[between].mean()


@pytest.mark.parametrize("tolerance", [0.1, 0.05, 0.01, 0.001])
@pytest.mark.parametrize("name", [*SURFACES, "creases"])
def test_the_stated_error_holds_as_a_whole_and_point_by_point_at_every_tolerance(name, tolerance):
    creases = np.maximum(X + 0.3 * Y, 0.5 * Y - X) + 0.7 * np.maximum(0.4 - Y, X - Y) + 0.1
    truth = SURFACES.get(name, creases)
    refinement, found, _ = refined(truth, tolerance)
    assert share(found, truth) <= found.shares.max() <= tolerance
    assert refinement.asked.all() or pointwise(found, truth) >= 0.95


def test_what_could_hide_is_the_widest_circle_without_a_point():
    """A spike narrower than that is missed, and the width is said; from an eighth of the extent, diagonally, at the coarse grid."""
    coarse = np.zeros(SHAPE, bool)
    coarse[::8, ::8] = True
    assert Places(coarse).width == pytest.approx(np.sqrt(2) / 8)
    refinement, _, _ = refined(2 + X, 0.1)
    gap = np.unravel_index(Places(refinement.asked).gaps.argmax(), SHAPE)
    apart = np.hypot(X - X[gap], Y - Y[gap]) / 2  # in units of the extent
    spike = 2 + X + 5 * np.exp(-((apart / (Places(refinement.asked).width / 12)) ** 2))
    assert share(refined(spike, 0.1)[1], spike) > 0.5


@pytest.mark.parametrize(("most", "asked"), [(40, 40), (81, 81), (3, 25)])
def test_what_is_bounded_ends_there_and_states_the_error_that_it_has(most, asked):
    truth, follows = SURFACES["well"], {"v": Followed(("linear",))}
    refinement = Refinement(nested_grids(SHAPE)[:2], np.ones(SHAPE, bool), follows, 0.001, 0, most=most)
    free = Refinement(nested_grids(SHAPE)[:2], np.ones(SHAPE, bool), follows, 0.001, 0)
    for each in (refinement, free):
        while len(each.next({"v": np.where(each.asked, truth, np.nan)}, {})) and each.asked.sum() < 200:
            assert each.room is None or each.waiting <= each.room
    assert refinement.asked.sum() == asked  # the whole grids in any case
    assert refinement.waiting == refinement.room == 0
    assert refinement.beyond
    assert (
        not (refinement.asked & ~free.asked).any() or most == 40
    )  # the first of those that it would have taken anyway
    found = appraise(Places(refinement.asked), {"v": truth}, {"v": ("linear",)})["v"]
    assert share(found, truth) <= found.shares.max()
    assert refinement.largest == found.shares.max() > 0.001
