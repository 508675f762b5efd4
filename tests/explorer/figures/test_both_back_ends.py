"""The page and print draw one picture: the same titles, scales, ranges, path, marks and arrows."""

from __future__ import annotations

import html
import json
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest
import xarray as xr
from artists import named
from lossnav.core.plane.kinds import KINDS
from lossnav.core.properties import PROPERTIES
from lossnav.explorer.commands.figure import _picture
from lossnav.explorer.figures.paper import PaperSpec, draw_map, draw_surface
from lossnav.explorer.figures.shared.picture import Picture
from lossnav.explorer.figures.shared.units import short_unit
from lossnav.explorer.figures.web.map2d import map_figure
from lossnav.explorer.figures.web.surface3d import surface_figure
from lossnav.explorer.state import AS_ARROWS, TERRAIN_NAME, Drawing, View
from matplotlib.figure import Figure

FACTS: dict[str, dict[str, Any]] = {
    "eigen": {"which": ["top", "bottom"], "turn": 30.0},
    "trajectory": {"explained": [0.614, 0.15]},
}
NORM = 1e-6  # SVG and quiver hold single precision in places


def on_plane(make_landscape: Any, kind: str) -> xr.Dataset:
    land = make_landscape(kind=kind)
    return land.assign_attrs(plane=json.dumps({**json.loads(land.attrs["plane"]), **FACTS.get(kind, {})}))


@pytest.fixture(scope="module")
def shipped() -> xr.Dataset:
    """A landscape that has every property."""
    from lossnav.core import read_landscape
    from lossnav.core.survey.coarse_fill import filled

    folder = Path(__file__).parents[3] / "sample_models" / "landscapes"
    return filled(read_landscape(folder / "gaussians-mlp.random.zarr.zip"))


def readouts() -> list[str]:
    return [r.variable for owner in PROPERTIES for r in owner.readouts if r.variable not in AS_ARROWS]


def trace(figure: go.Figure, name: str) -> Any:
    return next(each for each in figure.data if each.name == name)


def printed_arrows(figure: Figure) -> np.ndarray:
    (quiver,) = (artist for artist in figure.axes[0].collections if hasattr(artist, "U"))
    return np.stack([quiver.X, quiver.Y, quiver.X + quiver.U, quiver.Y + quiver.V], 1)


def web_arrows(figure: go.Figure) -> np.ndarray:
    drawn = trace(figure, "elastic force")
    corners = np.stack([drawn.x, drawn.y], 1).astype(float).reshape(-1, 6, 2)
    return corners[:, :2].reshape(-1, 4)


def overlaid(name: str) -> View:
    return View(Drawing("loss"), {"o": Drawing(name)}, "o", point=(0.1, 0.2))


@pytest.mark.parametrize("kind", sorted({kind.stored_as for kind in KINDS}))
def test_axis_titles(kind: str, make_landscape: Any) -> None:
    land = on_plane(make_landscape, kind)
    picture = View(Drawing("loss")).picture(land)
    web, print_ = map_figure(land, picture).layout, draw_map(land, PaperSpec(picture)).axes[0]
    assert (web.xaxis.title.text, web.yaxis.title.text) == (print_.get_xlabel(), print_.get_ylabel())
    scene, solid = surface_figure(land, picture).layout.scene, draw_surface(land, PaperSpec(picture)).axes[0]
    assert (solid.get_xlabel(), solid.get_ylabel()) == (print_.get_xlabel(), print_.get_ylabel())
    assert (scene.xaxis.title.text, scene.yaxis.title.text) == ("α", "β")
    height = next(each.text for each in surface_figure(land, picture).layout.annotations if each.name == "height")
    assert height.startswith(f"Height: {solid.get_zlabel()}, ")
    assert list(web.xaxis.range) == list(print_.get_xlim())
    assert list(web.yaxis.range) == list(print_.get_ylim())


@pytest.mark.parametrize("name", readouts())
def test_every_readout_has_the_same_positions_limits_and_ticks(name: str, shipped: xr.Dataset) -> None:
    if name not in shipped:
        pytest.skip("not in this landscape")
    picture = overlaid(name).picture(shipped)
    web, print_ = map_figure(shipped, picture), draw_map(shipped, PaperSpec(picture))
    (image,) = named(print_, f"color-{name}")
    solid = surface_figure(shipped, picture)
    heat, bar = trace(web, "colour"), solid.data[0].colorbar
    assert (heat.zmin, heat.zmax) == (image.norm.vmin, image.norm.vmax)
    corners = np.asarray(heat.z, float)[[0, 0, -1, -1], [0, -1, 0, -1]]
    np.testing.assert_array_equal(np.ma.filled(image.get_array(), np.nan)[[0, 0, -1, -1], [0, -1, 0, -1]], corners)
    ticks = print_.axes[1].get_xticklabels()
    assert {text.get_text() for text in ticks} & set(bar.ticktext) or not len(bar.ticktext)
    label = print_.axes[1].get_xlabel().replace("\n", " ")
    title, _, note = label.partition(", from ")
    assert html.unescape(bar.title.text).startswith(short_unit(title))
    assert not note or f"from {note}" in solid.layout.annotations[0].text  # under the bar


def test_arrows(make_landscape: Any) -> None:
    land = make_landscape()
    drawings = {"elasticity": Drawing("elasticity")}
    picture = View(Drawing("loss"), drawings, TERRAIN_NAME, arrows=("elasticity",)).picture(land)
    assert picture.arrows == ("elasticity",)
    web, print_ = web_arrows(map_figure(land, picture)), printed_arrows(draw_map(land, PaperSpec(picture)))
    assert len(web) == 13 * 13
    np.testing.assert_allclose(print_, web, rtol=NORM, atol=NORM)


def test_arrows_point_where_the_vector_points_also_on_a_plane_that_is_not_square(make_landscape: Any) -> None:
    land = make_landscape().assign_coords(beta=lambda d: d.beta * 20)
    land["elasticity_force_alpha"][:], land["elasticity_force_beta"][:] = 1.0, 2.0
    drawings = {"elasticity": Drawing("elasticity")}
    picture = View(Drawing("loss"), drawings, TERRAIN_NAME, arrows=("elasticity",)).picture(land)
    start, tip = np.split(web_arrows(map_figure(land, picture)), 2, 1)
    np.testing.assert_allclose((tip - start)[:, 1] / (tip - start)[:, 0], 2.0)


def test_path_and_marks(make_landscape: Any) -> None:
    land = make_landscape()
    land["path_alpha"][0] = -1.5  # the training began outside of what is drawn
    picture = View(Drawing("loss"), point=(0.1, 0.2)).picture(land)
    web, print_ = map_figure(land, picture), draw_map(land, PaperSpec(picture))
    path, marks = trace(web, "training path"), {"lowest point": "minimum", "picked point": "picked point"}
    np.testing.assert_array_equal(named(print_, "path")[0].get_xdata(), path.x)
    assert np.isnan(path.x[0])
    for there, here in marks.items():
        (mark,) = named(print_, here)
        assert (trace(web, there).x[0], trace(web, there).y[0]) == (mark.get_xdata()[0], mark.get_ydata()[0])
    assert len(named(print_, "start")) == 0 or np.isnan(named(print_, "start")[0].get_xdata()[0])


@pytest.mark.parametrize("name", readouts())
def test_lines_are_on_their_own_scale(name: str, shipped: xr.Dataset) -> None:
    if name not in shipped:
        pytest.skip("not in this landscape")
    picture = View(Drawing("loss"), {"o": Drawing(name)}).picture(shipped)
    (layer,) = picture.lines
    for lines in named(draw_map(shipped, PaperSpec(picture)), f"contour-{name}"):
        assert set(lines.levels) <= set(layer.scale.levels(shipped[name].values, count=8)[0])


@pytest.mark.parametrize("name", ["viscosity", "accuracy", "probability", "loss"])
def test_the_command_draws_what_the_page_draws(name: str, shipped: xr.Dataset) -> None:
    if name not in shipped:
        name = next(v for v in readouts() if v.startswith(name) and v in shipped)
    asked = _picture(shipped, ("loss", None), (name, None), ["loss"], True, False)
    page = View(Drawing("loss"), {} if name == "loss" else {"o": Drawing(name)}, "o").picture(shipped)
    assert asked == page
    assert isinstance(asked, Picture)
    assert asked.color.scale.kind == ("class" if "labels" in shipped[name].attrs else asked.color.scale.kind)
