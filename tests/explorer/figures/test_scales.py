"""Numbers to positions and back, and the ticks between them."""

import numpy as np
import pytest
from lossnav.explorer.figures.shared.scales import Scale, format_value

SCALES = [
    Scale(),
    Scale("log"),
    Scale("symlog"),
    Scale("symlog", linear_width=0.01),
    Scale("linear", low=-1.0, high=5.0),
    Scale("log", low=0.01, high=10.0),
]


@pytest.mark.parametrize("scale", SCALES, ids=str)
def test_invert_undoes_apply(scale: Scale) -> None:
    values = np.geomspace(0.02, 4.0, 13).reshape(1, 13)
    if scale.kind != "log":
        values = np.concatenate([-values / 5, values])
    np.testing.assert_allclose(scale.invert(scale.apply(values)), values, rtol=1e-12)


@pytest.mark.parametrize("scale", SCALES, ids=str)
def test_what_is_not_finite_is_a_gap(scale: Scale) -> None:
    assert np.isnan(scale.apply([np.nan, np.inf, -np.inf])).all()


def test_log_leaves_out_what_has_no_logarithm() -> None:
    assert np.isnan(Scale("log", low=0.1).apply([0.0, -3.0])).all()
    assert Scale("log", low=0).apply([10.0]) == [1.0]


def test_values_are_clipped_before_the_transform() -> None:
    np.testing.assert_allclose(Scale("log", low=0.1, high=10).apply([1e-5, 1.0, 1e5]), [-1, 0, 1])


def test_the_input_is_left_alone() -> None:
    values = np.array([np.inf, 1.0])
    Scale("log").apply(values)
    assert values[0] == np.inf


def test_limits_come_from_the_data_or_from_the_user_and_never_coincide() -> None:
    assert Scale("log").limits([0.01, 100.0, np.nan, -1.0]) == (-2.0, 2.0)
    assert Scale("linear", high=3.0).limits([1.0, 9.0]) == (1.0, 3.0)
    assert Scale().limits([2.0, 2.0]) == (1.5, 2.5)
    assert Scale().limits([np.nan]) == (0.0, 1.0)
    low, high = Scale(low=5.0).limits([1.0, 2.0])
    assert low < high


@pytest.mark.parametrize(
    ("scale", "ends", "labels"),
    [
        (Scale("log"), (0.9, 1200), ["1", "10", "10²", "10³"]),
        (Scale("log"), (1e-4, 20), ["10⁻⁴", "10⁻³", "0.01", "0.1", "1", "10"]),
        (Scale("log"), (0.3, 40), ["0.5", "1", "2", "5", "10", "20"]),
        (Scale("log"), (1e-8, 1e9), ["10⁻⁶", "10⁻³", "1", "10³", "10⁶", "10⁹"]),
        (Scale(), (0, 1), ["0", "0.2", "0.4", "0.6", "0.8", "1"]),
        (Scale(), (-1, 1), ["−1", "−0.5", "0", "0.5", "1"]),
        (Scale("symlog"), (-500, 30), ["−10²", "−10", "−1", "0", "1", "10"]),
    ],
)
def test_tick_labels(scale: Scale, ends: tuple[float, float], labels: list[str]) -> None:
    positions, found = scale.ticks(ends)
    assert found == labels
    low, high = scale.limits(ends)
    assert ((positions >= low - 1e-9) & (positions <= high + 1e-9)).all()


@pytest.mark.parametrize("kind", ["linear", "log", "symlog"])
@pytest.mark.parametrize("count", [2, 3, 6, 10])
def test_a_range_always_has_two_ticks_that_read_differently(kind: str, count: int) -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        low = 10 ** rng.uniform(-9, 5)
        ends = low, low * (1 + 10 ** rng.uniform(-5, 4))
        positions, labels = Scale(kind).ticks(ends, count)
        assert 2 <= len(positions) <= count + 2
        assert len(set(labels)) == len(labels)
        assert (np.diff(positions) > 0).all()


@pytest.mark.parametrize("kind", ["linear", "log", "symlog"])
def test_contour_levels_are_inside_and_about_as_many_as_asked(kind: str) -> None:
    values = np.geomspace(0.004, 350, 50)
    levels, labels = Scale(kind).levels(values, count=8)
    low, high = Scale(kind).limits(values)
    assert 4 <= len(levels) <= 16
    assert len(labels) == len(levels)
    assert low < levels[0]
    assert levels[-1] < high


def test_constant_or_empty_data_has_no_levels() -> None:
    assert Scale().levels([1.0, 1.0])[1] == []
    assert Scale().levels([np.nan])[1] == []
    assert Scale().ticks([np.nan])[1] == []
    assert Scale().ticks([2.0])[1] == ["2"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"), (-0.0, "0"), (1.0, "1"), (0.1 + 0.2, "0.3"), (-2.5, "−2.5"), (12345, "12300"), (999.6, "1000"),
        (123456, "1.23×10⁵"), (99999, "1×10⁵"), (0.000999, "9.99×10⁻⁴"), (0.0009999, "0.001"), (-1e-12, "−1×10⁻¹²"),
        (float("nan"), "not finite"), (float("inf"), "∞"), (float("-inf"), "−∞"),
    ],
)  # fmt: skip
def test_format_value(value: float, text: str) -> None:
    assert format_value(value) == text


@pytest.mark.parametrize(
    "wrong",
    [{"kind": "cubic"}, {"low": 2, "high": 1}, {"kind": "log", "high": 0}, {"kind": "symlog", "linear_width": 0}],
)
def test_a_scale_that_makes_no_sense_is_refused(wrong: dict) -> None:
    with pytest.raises(ValueError, match="scale's"):
        Scale(**wrong)
