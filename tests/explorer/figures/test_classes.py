"""Readouts that are classes: even colours, names for numbers, borders for levels; on the page and in print."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from lossnav.explorer.figures.paper import PaperSpec, draw_map, draw_surface
from lossnav.explorer.figures.shared.isolines import isolines
from lossnav.explorer.figures.shared.picture import fitting_scale, value_text
from lossnav.explorer.figures.shared.scales import Scale
from lossnav.explorer.figures.shared.style import CLASS_COLORS, class_colors
from lossnav.explorer.figures.web.map2d import map_figure
from lossnav.explorer.figures.web.surface3d import FINE, surface_figure
from lossnav.explorer.state import Drawing, View

NAMES = ("own", "second", "others …")


@pytest.fixture
def classes() -> xr.Dataset:
    """A bowl of which the right half is another basin, and a corner a sixth one, on 9 × 7 points."""
    alpha, beta = np.linspace(-1, 1, 9), np.linspace(-1, 1, 7)
    both = ("alpha", "beta")
    basin = np.where(alpha[:, None] > 0, 1.0, 0.0) + 0 * beta
    basin[-1, -1] = 5.0
    loss = alpha[:, None] ** 2 + beta**2
    words = {"long_name": "Basin", "units": "", "labels": json.dumps(NAMES)}
    data = {
        "loss": (both, loss, {"long_name": "Loss", "units": "nats"}),
        "memory_basin": (both, basin, words),
        "measured": (both, np.ones_like(loss, dtype=bool)),
    }
    return xr.Dataset(data, {"alpha": alpha, "beta": beta})


def test_a_class_is_drawn_on_a_scale_of_its_own(classes: xr.Dataset) -> None:
    scale = fitting_scale(classes, "memory_basin", "log")
    assert scale.kind == "class"
    assert scale.limits(classes["memory_basin"].values) == (-0.5, 2.5)
    positions, labels = scale.ticks(classes["memory_basin"].values)
    assert positions.tolist() == [0, 1, 2]  # a sixth basin is one of the others
    assert tuple(labels) == NAMES


def test_nobody_chooses_the_class_scale() -> None:
    with pytest.raises(Exception, match="linear, log, symlog"):
        Scale("none")  # type: ignore[arg-type]


def test_values_are_said_in_words(classes: xr.Dataset) -> None:
    assert value_text(classes, "memory_basin", (0, 0)) == "own"
    assert value_text(classes, "memory_basin", (8, 6)) == "others …"
    classes["loss_se"] = classes["loss"] * 0 + 0.01
    assert value_text(classes, "loss", (0, 0)) == "2 ± 0.01"


def test_borders_run_between_the_classes(classes: xr.Dataset) -> None:
    layer = Drawing("memory_basin").layer(classes)
    alpha, _ = isolines(classes, layer)
    inside = alpha[np.isfinite(alpha)]
    assert inside.size
    assert ((inside >= 0) & (inside <= 1)).all()


def test_the_surface_is_fine_enough_for_crisp_borders(classes: xr.Dataset) -> None:
    view = View(Drawing("loss"), {"memory": Drawing("memory_basin")}, "memory")
    surface = surface_figure(classes, view.picture(classes)).data[0]
    colors = np.array(surface.surfacecolor)
    assert set(np.unique(colors)) == {0.0, 1.0, 2.0}
    assert min(colors.shape) > FINE // 2
    assert (surface.cmin, surface.cmax) == (-0.5, 2.5)
    assert len(surface.colorscale) == 2 * len(NAMES)
    assert "own" in np.array(surface.customdata)[..., 1]


def test_the_map_names_the_class_under_the_pointer(classes: xr.Dataset) -> None:
    view = View(Drawing("loss"), {}, "terrain", ground=Drawing("memory_basin"))
    figure = map_figure(classes, view.picture(classes))
    assert figure.data[0].zsmooth is False
    assert "second" in np.array(figure.data[0].customdata)[..., 1]


@pytest.mark.parametrize("draw", [draw_map, draw_surface])
def test_print_has_the_same_colours_and_names(classes: xr.Dataset, draw: object) -> None:
    picture = View(Drawing("loss"), ground=Drawing("memory_basin")).picture(classes)
    figure = draw(classes, PaperSpec(replace(picture, lines=(picture.color,))))  # type: ignore[operator]
    texts = {label.get_text() for axes in figure.axes for label in (*axes.get_xticklabels(), *axes.get_yticklabels())}
    assert set(NAMES) <= texts


def test_class_colours_are_told_apart() -> None:
    assert len(set(CLASS_COLORS)) == len(CLASS_COLORS) == 7
    assert class_colors(9)[7] == CLASS_COLORS[0]
