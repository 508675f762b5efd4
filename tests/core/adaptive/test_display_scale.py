"""The share of a drawn range that an error takes."""

import numpy as np
import pytest
from lossnav.core import InputError
from lossnav.core.adaptive.display_scale import DisplayScales
from lossnav.core.adaptive.tolerance import Tolerance, tolerance_of

VALUES = np.array([1.0, 3.0, 11.0])


def test_a_linear_share_is_the_error_over_the_range():
    assert DisplayScales.of(VALUES, ("linear",)).share(np.array(3.5), np.array(3.0)) == pytest.approx(0.05)


def test_a_logarithmic_share_is_the_error_of_the_logarithm_over_its_range():
    share = DisplayScales.of(VALUES, ("log",)).share(np.array(2.0), np.array(1.0))
    assert share == pytest.approx(np.log(2) / np.log(11))


def test_of_several_scales_the_worst_counts():
    both = DisplayScales.of(VALUES, ("linear", "log"))
    near_the_bottom, near_the_top = np.array(1.2), np.array(10.0)
    assert both.share(near_the_bottom, np.array(1.0)) == pytest.approx(np.log(1.2) / np.log(11))
    assert both.share(near_the_top, np.array(11.0)) == pytest.approx(0.1)


def test_the_symmetric_logarithm_takes_both_signs():
    drawing = DisplayScales.of(np.array([-100.0, -1.0, 1.0, 100.0]), ("symlog",))
    assert drawing.share(np.array(100.0), np.array(-100.0)) == pytest.approx(1.0)


def test_values_that_are_not_positive_are_drawn_linearly():
    assert DisplayScales.of(np.array([0.0, 2.0]), ("log",)).share(np.array(1.0), np.array(0.0)) == pytest.approx(0.5)


def test_errors_above_the_clipping_do_not_count():
    clipped = DisplayScales.of(np.array([0.0, 5.0, 1000.0]), ("linear",), clip=10.0)
    assert clipped.share(np.array(900.0), np.array(1000.0)) == 0
    assert clipped.share(np.array(6.0), np.array(5.0)) == pytest.approx(0.1)


def test_one_value_everywhere_has_no_error():
    assert DisplayScales.of(np.full(4, 2.0), ("linear", "log")).share(np.array(2.0), np.array(2.0)) == 0


@pytest.mark.parametrize("scales", [("linear",), ("log",), ("linear", "log"), ("symlog",)])
def test_an_error_in_the_readouts_unit_has_the_share_that_it_is_made_of(scales):
    drawing = DisplayScales.of(VALUES, scales)
    error = drawing.error(np.array(3.0), np.array(1e-4))
    assert drawing.share(3.0 + error, np.array(3.0)) == pytest.approx(1e-4, rel=1e-3)


@pytest.mark.parametrize("given", [0.0, 1.0, -0.1, "much"])
def test_a_tolerance_that_is_no_share_gets_a_sentence(given):
    with pytest.raises(InputError, match=r"0\.01"):
        tolerance_of(given)


def test_costly_stages_have_a_tolerance_of_their_own():
    assert Tolerance(0.02).share_of("descent") == pytest.approx(0.1)
    assert Tolerance(0.02, costly=0.03).share_of("curvature") == 0.03
    assert Tolerance(0.02, costly=0.03).share_of("forward") == 0.02


@pytest.mark.parametrize("scale", ["linear", "log", "symlog"])
def test_the_clipping_holds_on_every_scale(scale):
    clipped = DisplayScales.of(np.array([1.0, 5.0, 1000.0]), (scale,), clip=10.0)
    assert clipped.share(np.array(900.0), np.array(1000.0)) == 0
    assert clipped.share(np.array(10.0), np.array(1.0)) == pytest.approx(1.0, rel=0.5)


@pytest.mark.parametrize(
    "wrong", [{"clip": np.nan}, {"clip": -1.0, "scale": "log"}, {"clip": "high"}, {"share": "a"}, {"costly": 2.0}]
)
def test_what_cannot_be_drawn_is_refused(wrong):
    with pytest.raises(InputError, match="should be"):
        Tolerance(**wrong)
