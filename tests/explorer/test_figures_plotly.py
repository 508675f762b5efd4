"""The browser's figures, read from the figure objects."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import plotly.graph_objects as go
import pytest
import xarray as xr
from lossnav.explorer.figures.shared.picture import axis_titles, color_limits, diverges, fitting_scale, minimum
from lossnav.explorer.figures.web.map2d import GROUND, map_figure
from lossnav.explorer.figures.web.picking import nearest_cell, picked_point
from lossnav.explorer.figures.web.surface3d import surface_figure
from lossnav.explorer.state import Drawing, View


def trace(figure: go.Figure, name: str) -> go.Scatter:
    """The one trace of that name."""
    (found,) = [t for t in figure.data if t.name == name]
    return found


def view(**overlays: str) -> View:
    return View(
        Drawing("loss"),
        {name: Drawing(variable) for name, variable in overlays.items()},
        next(iter(overlays), "terrain"),
    )


def test_the_surface_is_the_loss_in_its_scale_with_alpha_along_x(land: xr.Dataset) -> None:
    figure = surface_figure(land, view().picture(land))
    surface = trace(figure, "terrain")
    assert surface.z.shape == (13, 17)
    np.testing.assert_allclose(surface.z, np.log10(land["loss"].values).T)
    np.testing.assert_array_equal(surface.x, land["alpha"].values)


def test_the_first_overlay_is_the_colour_and_the_others_are_lines(land: xr.Dataset) -> None:
    picture = view(probability="probability", memory="memory").picture(land)
    surface = surface_figure(land, picture)
    np.testing.assert_allclose(trace(surface, "terrain").surfacecolor, land["probability"].values.T)
    for figure in (surface, map_figure(land, picture)):
        lines = trace(figure, "Occupation by the path")
        assert np.isfinite(np.asarray(lines.x, float)).sum() > 10


def test_contour_lines_run_where_the_readout_has_their_level(land: xr.Dataset) -> None:
    from lossnav.explorer.figures.shared.isolines import heights_at, isolines

    layer = Drawing("probability").layer(land)
    alpha, beta = isolines(land, layer, 5)
    inside = np.isfinite(alpha)
    heights = heights_at(land, layer, alpha[inside], beta[inside])
    levels, _ = layer.scale.levels(land["probability"].values, 5)
    assert np.abs(heights[:, None] - levels).min(1).max() < 0.02 * np.ptp(land["probability"].values)


def test_the_colour_bar_names_the_two_poles_and_the_unit(land: xr.Dataset) -> None:
    figure = surface_figure(land, view(density="density").picture(land))
    bar = trace(figure, "terrain").colorbar
    assert "nats" in bar.title.text
    assert bar.title.side == "right"  # along the bar, not across the terrain
    low, high = (note for note in figure.layout.annotations if note.name != "height")
    assert "↓ fine" in low.text
    assert "↑ coarse" in high.text
    assert low.y < bar.y - bar.len / 2
    assert high.y > bar.y + bar.len / 2


def test_on_how_many_points_it_was_measured_stands_under_the_bar(land: xr.Dataset) -> None:
    land["density"].attrs["measured_on"] = "5 × 7"
    figure = surface_figure(land, view(density="density").picture(land))
    low, high = (note for note in figure.layout.annotations if note.name != "height")
    assert low.text.endswith("<br>from 5 × 7 points")
    assert "points" not in high.text + trace(figure, "terrain").colorbar.title.text


def test_every_grid_point_answers_the_pointer(land: xr.Dataset) -> None:
    picture = view(probability="probability").picture(land)
    ground = trace(map_figure(land, picture), GROUND)
    assert ground.z.shape == (13, 17)
    assert ground.hoverinfo != "skip"
    assert "Confidence %{customdata[1]" in ground.hovertemplate
    np.testing.assert_array_equal(ground.customdata[..., 0], land["loss"].values.T)
    np.testing.assert_array_equal(ground.customdata[..., 1], land["probability"].values.T)


def test_the_force_points_where_the_penalty_falls(land: xr.Dataset) -> None:
    picture = view(elasticity="elasticity").picture(land)
    arrows = trace(map_figure(land, picture), "elastic force")
    shapes = np.column_stack([arrows.x, arrows.y]).astype(float).reshape(-1, 6, 2)
    tails, tips = shapes[:, 0], shapes[:, 1]
    penalty = land["elasticity"]
    fell = [
        float(penalty.interp(alpha=tip[0], beta=tip[1])) <= float(penalty.interp(alpha=tail[0], beta=tail[1])) + 1e-9
        for tail, tip in zip(tails, tips, strict=True)
        if np.isfinite(tip).all()
        and float(penalty.interp(alpha=tip[0], beta=tip[1])) == float(penalty.interp(alpha=tip[0], beta=tip[1]))
    ]
    assert len(fell) > 50
    assert np.mean(fell) > 0.95  # a long arrow may overshoot the penalty's minimum


def test_the_path_is_drawn_at_its_projection_with_its_ends(land: xr.Dataset) -> None:
    figure = map_figure(land, view().picture(land))
    np.testing.assert_allclose(trace(figure, "training path").x, land["path_alpha"].values)
    np.testing.assert_allclose(trace(figure, "start of training").x, land["path_alpha"].values[[0]])
    np.testing.assert_allclose(trace(figure, "end of training").y, land["path_beta"].values[[-1]])


def test_a_loss_that_is_not_finite_is_a_gap(land: xr.Dataset) -> None:
    broken = land.copy(deep=True)
    broken["loss"][2, 3] = np.nan
    broken["loss"][4, 5] = np.inf
    picture = view().picture(broken)
    surface = trace(surface_figure(broken, picture), "terrain")
    assert np.isnan(surface.z[3, 2])
    assert np.isnan(surface.z[5, 4])
    assert np.isfinite(surface.z).sum() == 17 * 13 - 2
    assert map_figure(broken, picture).data[0].zsmooth is False


def test_a_perplexity_that_overflows_is_the_top_of_the_scale_and_no_gap(land: xr.Dataset) -> None:
    steep = land.copy(deep=True)
    steep["loss"][2, 3] = 800.0
    steep["perplexity"][2, 3] = np.inf
    picture = view(perplexity="perplexity").picture(steep)
    colors = trace(surface_figure(steep, picture), "terrain").surfacecolor
    assert np.isfinite(colors).all()
    assert colors[3, 2] == colors.max()
    steep["loss"][2, 3] = np.inf
    assert np.isnan(trace(surface_figure(steep, picture), "terrain").surfacecolor[3, 2])


def test_a_diverging_map_only_where_zero_means_something(land: xr.Dataset) -> None:
    assert diverges(land, "elasticity_force_alpha")
    assert not diverges(land, "loss")
    low, high = color_limits(land, Drawing("elasticity_force_alpha").layer(land))
    assert low == -high


def test_a_log_scale_is_refused_where_values_are_not_positive(land: xr.Dataset) -> None:
    shifted = land.copy(deep=True)
    shifted["loss"] = shifted["loss"] - 10 * float(shifted["loss"].max())
    assert fitting_scale(shifted, "loss", "log").kind == "linear"


def test_clipping_limits_what_is_drawn(land: xr.Dataset) -> None:
    high = float(land["loss"].quantile(0.5))
    surface = trace(surface_figure(land, View(Drawing("loss", "linear", None, high)).picture(land)), "terrain")
    assert np.nanmax(surface.z) == pytest.approx(high)


def test_the_picked_point_is_the_nearest_grid_point(land: xr.Dataset) -> None:
    point = picked_point([float(land["alpha"][3]), float(land["beta"][9])])
    assert nearest_cell(land, point) == (3, 9)
    assert picked_point(None) is None
    assert abs(float(land["alpha"].values[nearest_cell(land, None)[0]])) <= np.diff(land["alpha"].values)[0]


def test_axes_of_a_trajectory_plane_say_their_share(land: xr.Dataset) -> None:
    assert all(f"PC {i}" in title and "%" in title for i, title in enumerate(axis_titles(land), 1))


def test_the_lowest_point_is_the_minimum_of_what_is_drawn(land: xr.Dataset) -> None:
    found = minimum(land, "loss")
    assert found is not None
    assert float(land["loss"].values[found]) == float(land["loss"].min())


def test_a_landscape_along_one_direction_is_a_curve(land: xr.Dataset) -> None:
    line = land.isel(beta=[6])
    (curve,) = map_figure(line, view().picture(line)).data
    np.testing.assert_allclose(curve.y, np.log10(line["loss"].values.ravel()))


def test_a_figure_says_what_makes_its_plane_again(land: xr.Dataset) -> None:
    moved = land.assign_attrs(plane='{"kind": "random", "seed": 3, "turn": 30.0, "centre": 4, "gram": []}')
    meta = surface_figure(moved, view().picture(moved)).layout.meta
    assert meta == {"plane": {"kind": "random", "seed": 3, "turn": 30.0, "centre": 4}}


def test_a_layer_can_cover_more_than_its_values(land: xr.Dataset) -> None:
    picture = view().picture(land)
    low, high = picture.elevation.limits(land["loss"].values)
    held = replace(picture.elevation, reach=(low - 1.0, high - 0.1))
    assert held.limits(land["loss"].values) == (low - 1.0, high)
    figure = surface_figure(land, replace(picture, elevation=held, color=held))
    assert trace(figure, "terrain").cmin == low - 1.0
    assert figure.layout.scene.zaxis.range[0] < low - 1.0 < low < high < figure.layout.scene.zaxis.range[1]


def test_the_numbers_on_the_map_lie_on_lines_of_their_value(land: xr.Dataset) -> None:
    from lossnav.explorer.figures.shared.contour_labels import APART, contour_labels

    layers = [Drawing(name).layer(land) for name in ("loss", "probability")]
    found = contour_labels(land, layers, 9, keep_off=[(0.0, 0.0)])
    assert {label.variable for label in found} == {"loss", "probability"}
    ranges = {name: float(np.ptp(land[name].values)) for name in ("loss", "probability")}
    for label in found:
        there = float(land[label.variable].interp(alpha=label.alpha, beta=label.beta))
        assert float(label.text) == pytest.approx(there, abs=0.03 * ranges[label.variable])
    span = [float(np.ptp(land[d].values)) for d in ("alpha", "beta")]
    places = np.array([(0.0, 0.0), *((label.alpha, label.beta) for label in found)]) / span
    apart = np.hypot(*(places[:, None] - places[None]).T)
    assert apart[~np.eye(len(places), dtype=bool)].min() >= APART - 1e-12
    numbers = trace(
        map_figure(land, view(probability="probability", memory="memory").picture(land)), "values of the lines"
    )
    assert len(numbers.text) == len(numbers.x) >= 2


def test_classes_and_slices_have_no_numbers_on_lines(land: xr.Dataset) -> None:
    from lossnav.explorer.figures.shared.contour_labels import contour_labels

    assert contour_labels(land, [Drawing("shape").layer(land)], 9) == []
    assert contour_labels(land.isel(beta=[3]), [Drawing("loss").layer(land)], 9) == []


def test_lines_of_the_height_show_on_light_and_on_dark_colours(land: xr.Dataset) -> None:
    figure = map_figure(land, view().picture(land))
    line, outline = (trace(figure, name) for name in ("Loss (nats)", "Loss (nats), outline"))
    np.testing.assert_array_equal(line.x, outline.x)
    assert outline.line.width > line.line.width
    assert list(figure.data).index(outline) < list(figure.data).index(line)
    assert "255" in line.line.color
    assert "rgba(0,0,0" in outline.line.color


def test_the_picked_point_is_a_pin_over_the_terrain_that_does_not_change_its_range(land: xr.Dataset) -> None:
    heights = Drawing("loss").layer(land).scale.apply(land["loss"].values)
    top = np.unravel_index(heights.argmax(), heights.shape)
    for cell in ((8, 6), top):
        point = (float(land["alpha"][cell[0]]), float(land["beta"][cell[1]]))
        figure = surface_figure(land, replace(view().picture(land), point=point))
        head = trace(figure, "picked point")
        assert (head.x[0], head.y[0]) == point
        assert head.z[0] > heights[cell]
        assert head.z[0] < heights.max() + 0.03 * np.ptp(heights)
    low = surface_figure(land, replace(view().picture(land), point=(float(land["alpha"][8]), float(land["beta"][6]))))
    assert trace(low, "picked point").z[0] == pytest.approx(
        min(heights[8, 6] + 0.13 * np.ptp(heights), heights.max()), abs=0.03 * np.ptp(heights)
    )


def test_a_long_unit_is_short_beside_the_colour_bar(land: xr.Dataset) -> None:
    bar = trace(surface_figure(land, view(viscosity="viscosity").picture(land)), "terrain").colorbar
    assert "(nats/length²)" in bar.title.text
    assert "squared" not in bar.title.text
