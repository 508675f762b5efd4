"""Names from files are text wherever they are drawn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from lossnav.explorer.figures.paper import PaperSpec, draw_map, draw_surface, save
from lossnav.explorer.figures.shared.picture import Layer, Picture
from lossnav.explorer.figures.shared.scales import Scale
from lossnav.explorer.figures.web.map2d import map_figure

NAME = r"$\frac{$ <b>x</b> %{z} & $\alpha$"


PICTURE = Picture(Layer("loss", Scale()), Layer("loss", Scale()))


@pytest.fixture
def land() -> xr.Dataset:
    axis = np.linspace(-1, 1, 5)
    values = 1 + np.add.outer(axis**2, axis**2)
    return xr.Dataset(
        {"loss": (("alpha", "beta"), values, {"long_name": NAME})}, {"alpha": axis, "beta": axis}, {"name": NAME}
    )


@pytest.mark.parametrize("draw", [draw_map, draw_surface])
def test_a_dollar_is_a_letter_in_print(draw, land: xr.Dataset, tmp_path: Path) -> None:
    drawn = save(draw(land, PaperSpec(PICTURE, title=NAME)), tmp_path / "a.svg").read_text()
    assert r"$\frac{$ &lt;b&gt;x&lt;/b&gt;" in drawn
    assert "<b>" not in drawn


def test_plotly_is_given_text(land: xr.Dataset) -> None:
    drawn = map_figure(land, PICTURE).to_json()
    assert "<b>x" not in drawn
    assert "%{z}" not in drawn
