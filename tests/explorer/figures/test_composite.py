"""Several landscapes in one figure: one scale within a row, letters, names, and what cannot be drawn together."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from lossnav.core import InputError
from lossnav.explorer.commands.composite import Rows, check_composite, composite
from lossnav.explorer.figures.paper import save
from matplotlib.figure import Figure


def land(times: float, name: str, span: float = 1.0, beta: int = 9) -> xr.Dataset:
    """A bowl, so many times as high."""
    a, b = np.linspace(-span, span, 9), np.linspace(-span, span, beta)
    loss = times * (0.1 + a[:, None] ** 2 + 2 * b[None, :] ** 2)
    shapes = (b[None, :] > 0).astype(float) + 0 * a[:, None]
    found = xr.Dataset(
        {
            "loss": (("alpha", "beta"), loss, {"long_name": "Loss", "units": "nats", "scale": "log"}),
            "half": (("alpha", "beta"), shapes, {"long_name": "Half", "labels": '["lower", "upper"]'}),
        },
        {"alpha": a, "beta": b},
        {"name": name},
    )
    return found


def rows(*colors: str, contours: bool = True, color_scale: str | None = None) -> Rows:
    return Rows(colors, color_scale, ("loss", None), contours, path=True)


def panels(figure: Figure) -> list:
    return [axes for axes in figure.axes if axes.images]


def letters(figure: Figure) -> list[str]:
    return [text.get_text() for axes in panels(figure) for text in axes.texts]


def test_within_a_row_a_colour_means_one_number() -> None:
    small, large = land(1.0, "small"), land(30.0, "large")
    figure = composite([small, large], ["small", "large"], rows("loss"), "double", None)
    norms = [axes.images[0].norm for axes in panels(figure)]
    assert (norms[0].vmin, norms[0].vmax) == (norms[1].vmin, norms[1].vmax)
    low, high = norms[0].vmin, norms[0].vmax
    assert 10**low == pytest.approx(0.1)
    assert 10**high == pytest.approx(30 * 3.1)
    shown = [np.ma.filled(axes.images[0].get_array(), np.nan) for axes in panels(figure)]
    assert np.nanmax(shown[0]) == pytest.approx(np.log10(3.1))
    assert np.nanmax(shown[1]) - np.nanmax(shown[0]) == pytest.approx(np.log10(30))


def test_contour_lines_lie_at_the_same_levels_in_every_column() -> None:
    figure = composite([land(1.0, "a"), land(3.0, "b")], ["a", "b"], rows("loss"), "double", None)
    levels = [set(np.round(axes.collections[0].levels, 9)) for axes in panels(figure)]
    both = max(min(each) for each in levels), min(max(each) for each in levels)
    inside = [{level for level in each if both[0] <= level <= both[1]} for each in levels]
    assert inside[0] == inside[1]
    assert len(inside[0]) > 1


def test_a_column_for_each_network_and_a_row_for_each_readout() -> None:
    figure = composite([land(1.0, "a"), land(2.0, "b")], ["a", "b"], rows("loss", "half"), "double", "Two networks")
    assert letters(figure) == ["a", "b", "c", "d"]
    assert [axes.get_title() for axes in panels(figure)] == ["a", "b", "", ""]
    assert len(figure.axes) == 4 + 2  # a bar for each row
    assert [t.get_text() for t in figure.axes[-1].get_yticklabels()] == ["lower", "upper"]


def test_numbers_along_beta_are_written_at_each_column_where_spans_differ() -> None:
    for span, numbered in ((1.0, [True, False]), (2.0, [True, True])):
        figure = composite([land(1.0, "a"), land(1.0, "b", span)], ["a", "b"], rows("loss"), "double", None)
        seen = [bool(axes.yaxis.get_major_ticks()[0].label1.get_visible()) for axes in panels(figure)]
        assert seen == numbered


@pytest.mark.parametrize("width", ["single", "double", "nature", "slide"])
def test_all_that_is_written_lies_on_the_page(width: str) -> None:
    lands = [land(1.0, "a network with a long name"), land(1e4, "another-network_with_underscores", 2.0)]
    figure = composite(lands, [each.attrs["name"] for each in lands], rows("loss", "half"), width, None)
    figure.draw_without_rendering()
    page = figure.bbox
    for axes in figure.axes:
        box = axes.get_tightbbox()
        assert box.x0 >= -1
        assert box.y0 >= -1
        assert box.x1 <= page.x1 + 1
        assert box.y1 <= page.y1 + 1


def test_the_same_landscapes_are_the_same_bytes(tmp_path: Path) -> None:
    made = []
    for name in ("1.pdf", "2.pdf"):
        figure = composite([land(1.0, "a"), land(2.0, "b")], ["a", "b"], rows("loss"), "single", None)
        made.append(save(figure, tmp_path / name).read_bytes())
    assert made[0] == made[1]


def test_what_cannot_be_drawn_together_is_a_sentence() -> None:
    line = land(1.0, "slice", beta=9).isel(beta=[4])
    with pytest.raises(InputError, match="'slice' is a slice along one direction"):
        composite([land(1.0, "a"), line], ["a", "slice"], rows("loss"), "single", None)
    with pytest.raises(InputError, match="did you mean 'loss'"):
        composite([land(1.0, "a"), land(1.0, "b")], ["a", "b"], rows("lose"), "single", None)
    with pytest.raises(InputError, match="width is one of"):
        composite([land(1.0, "a")], ["a"], rows("loss", "half"), "huge", None)
    minus = land(1.0, "b").assign(loss=lambda each: each["loss"] - 5)
    with pytest.raises(InputError, match="log"):
        composite([land(-1.0, "a"), minus - 100], ["a", "b"], rows("loss", color_scale="log"), "single", None)
    for words in (("x.zip", "map", ["loss"], "loss", False), ("x.pdf", "surface", ["loss"], "loss", False)):
        with pytest.raises(InputError):
            check_composite(Path(words[0]), *words[1:])
    with pytest.raises(InputError, match="--contours loss, or none"):
        check_composite(Path("x.pdf"), "map", ["half"], "loss", False)
