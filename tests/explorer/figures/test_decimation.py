"""A landscape of very many points: what is drawn of it, as data; its numbers and exports stay whole."""

from __future__ import annotations

import json
from io import BytesIO

import numpy as np
import pytest
import xarray as xr
from lossnav.explorer.export import Export, exported
from lossnav.explorer.figures.shared.decimation import MOST, decimated, decimation_text
from lossnav.explorer.figures.web.picking import nearest_cell
from lossnav.explorer.panels import charts
from lossnav.explorer.panels.inspector import inspected
from lossnav.explorer.state import Drawing, View

SIZE = 513
LOWEST, HIGHEST, HOLE, PICKED = (
    (100, 200),
    (301, 401),
    (250, 70),
    (343, 119),
)  # none in a row or column that is drawn anyway


@pytest.fixture(scope="module")
def large() -> xr.Dataset:
    """A bowl, with one deep and one high point, one hole, and 19 further readouts."""
    axis = np.linspace(-1, 1, SIZE)
    loss = 1.0 + axis[:, None] ** 2 + 2 * axis**2
    loss[LOWEST], loss[HIGHEST], loss[HOLE] = 0.125, 9.5, np.nan
    both = ("alpha", "beta")
    found = {"loss": (both, loss, {"long_name": "Loss", "units": "nats"})}
    for number in range(19):
        values = np.cos((number + 1) * axis)[:, None] * axis
        found[f"readout_{number}"] = (both, values, {"long_name": f"Readout {number}", "units": ""})
    return xr.Dataset(found, {"alpha": axis, "beta": axis})


@pytest.fixture
def view() -> View:
    return View(Drawing("loss"), point=tuple(float(np.linspace(-1, 1, SIZE)[k]) for k in PICKED))


def test_a_small_landscape_is_drawn_whole(land: xr.Dataset, view: View) -> None:
    picture = view.picture(land)
    assert decimated(land, picture) == (land, picture)
    assert decimation_text(land) is None


def test_ends_extremes_centre_and_picked_point_are_drawn(large: xr.Dataset, view: View) -> None:
    part, _ = decimated(large, view.picture(large))
    axis = large["alpha"].values
    for cell in ((0, 0), (SIZE - 1, SIZE - 1), (256, 256), LOWEST, HIGHEST, PICKED):
        there = part["loss"].sel(alpha=axis[cell[0]], beta=axis[cell[1]])  # KeyError where it is not drawn
        assert float(there) == large["loss"].values[cell]
    assert max(part.sizes["alpha"], part.sizes["beta"]) <= MOST
    assert min(part.sizes["alpha"], part.sizes["beta"]) > MOST // 2
    assert np.diff(part["alpha"].values).max() <= 1.01 * 4 * (axis[1] - axis[0])


def test_what_is_drawn_was_measured_there(large: xr.Dataset, view: View) -> None:
    part, _ = decimated(large, view.picture(large))
    same = large.sel(alpha=part["alpha"], beta=part["beta"])
    assert set(part.data_vars) == {"loss"}, "what the figures read, and nothing else"
    for name in part.data_vars:
        drawn = np.isfinite(part[name].values)
        assert (~drawn).sum() == 1, "the hole alone"
        assert np.array_equal(part[name].values[drawn], same[name].values[drawn])


def test_a_hole_between_the_rows_that_are_drawn_stays_a_hole(large: xr.Dataset, view: View) -> None:
    part, _ = decimated(large, view.picture(large))
    ((row, column),) = np.argwhere(np.isnan(part["loss"].values))
    step = large["alpha"].values[1] - large["alpha"].values[0]
    assert abs(part["alpha"].values[row] - large["alpha"].values[HOLE[0]]) < 3 * step
    assert abs(part["beta"].values[column] - large["beta"].values[HOLE[1]]) < 3 * step


def test_axes_and_colours_cover_every_point(large: xr.Dataset, view: View) -> None:
    picture = view.picture(large)
    part, shown = decimated(large, picture)
    assert shown.elevation.limits(part["loss"].values) == picture.elevation.limits(large["loss"].values)
    assert shown.elevation.scale == picture.elevation.scale


def test_the_pages_figures_are_small_and_its_numbers_whole(
    large: xr.Dataset, view: View, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(charts.st, "session_state", {})
    found = charts.drawn(large, view)
    surface = json.loads(found.surface)["data"][0]
    assert len(surface["x"]["bdata"] if isinstance(surface["x"], dict) else surface["x"]) < 3 * MOST * 8
    assert max(len(found.surface), len(found.map)) < 4e6
    cell = nearest_cell(large, view.point)
    assert cell == PICKED
    assert inspected(large, cell)[1][1] == f"{large['loss'].values[PICKED]:.3g}"
    written = exported(large, found.picture, Export("map", "nc", "single"))
    with xr.open_dataset(BytesIO(written), engine="h5netcdf") as read:
        assert np.array_equal(read["loss"].values, large["loss"].values, equal_nan=True)
