"""Colours: readable in grey, told apart, the same in both drawing halves."""

from itertools import combinations

import matplotlib
import numpy as np
import plotly.colors
import pytest
from lossnav.core import PROPERTIES
from lossnav.explorer.figures.shared import style

MAPS = [*style.COLORMAPS.values(), style.DIVERGING]


def of_plotly(name: str) -> np.ndarray:
    return np.array(plotly.colors.sample_colorscale(name, np.linspace(0, 1, 256), colortype="tuple"))


def of_matplotlib(name: str) -> np.ndarray:
    return matplotlib.colormaps[name](np.linspace(0, 1, 256))[:, :3]


def rgb(color: str) -> np.ndarray:
    return np.array([[int(color[k : k + 2], 16) / 255 for k in (1, 3, 5)]])


@pytest.mark.parametrize("name", MAPS)
@pytest.mark.parametrize("sample", [of_plotly, of_matplotlib])
def test_every_map_can_be_read_in_grey(name: str, sample) -> None:
    assert style.is_grey_safe(sample(name), diverging=name == style.DIVERGING)


def test_the_check_finds_maps_that_cannot_be_read_in_grey() -> None:
    assert not style.is_grey_safe(of_matplotlib("jet"))
    assert not style.is_grey_safe(of_matplotlib("RdBu"))


@pytest.mark.parametrize("name", MAPS)
def test_both_drawing_halves_mean_the_same_colours(name: str) -> None:
    assert np.abs(of_plotly(name) - of_matplotlib(name)).max() < 0.07


def test_lightness_is_that_of_cielab() -> None:
    np.testing.assert_allclose(style.lightness([[0, 0, 0], [1, 1, 1], [0.5, 0.5, 0.5]]), [0, 100, 53.389], atol=1e-3)


def test_every_property_has_a_map_and_a_line_colour_of_its_own() -> None:
    for table in (style.COLORMAPS, style.CONTOUR_COLORS):
        assert set(table) == {*(owner.name for owner in PROPERTIES), "terrain"}
        assert len(set(table.values())) == len(table)
    for one, other in combinations(style.COLORMAPS.values(), 2):
        assert np.abs(of_matplotlib(one) - of_matplotlib(other)).mean() > 0.02


@pytest.mark.parametrize("color", style.CONTOUR_COLORS.values())
@pytest.mark.parametrize("ground", ["#FFFFFF", "#0E1117"])
def test_lines_are_seen_on_light_and_dark(color: str, ground: str) -> None:
    light, dark = sorted([style.relative_luminance(rgb(color))[0], style.relative_luminance(rgb(ground))[0]])[::-1]
    assert (light + 0.05) / (dark + 0.05) > 3


def test_variables_find_their_property() -> None:
    assert style.property_of("elasticity_force_alpha") == "elasticity"
    assert style.property_of("test_loss") == "terrain"
    assert style.colormap_for("loss") == style.COLORMAPS["terrain"]
    assert style.colormap_for("density", diverging=True) == style.DIVERGING
