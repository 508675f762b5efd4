"""Paper figures: what is on them, read from the figure."""

import itertools
import json
from collections.abc import Callable
from pathlib import Path

import matplotlib
import numpy as np
import pytest
import xarray as xr
from artists import named, outside
from lossnav.explorer.cli import app
from lossnav.explorer.figures.paper import PRESETS, draw_map, draw_surface, save
from lossnav.explorer.figures.paper.grid import complete_grid, densify
from lossnav.explorer.figures.shared.scales import Scale
from lossnav.explorer.figures.shared.style import colormap_for
from matplotlib.figure import Figure
from matplotlib.text import Text
from printed import paper
from typer.testing import CliRunner

BOTH = [draw_map, draw_surface]
WIDTHS = ("single", "double", "slide")


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip()]


def legend(figure: Figure) -> list[str]:
    return [text.get_text().replace("\n", " ") for text in figure.legends[0].get_texts()]


def in_subplot(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


# The page


@pytest.mark.parametrize("draw", BOTH)
@pytest.mark.parametrize("width", PRESETS)
def test_the_page_has_the_width_asked_for_and_holds_all_that_is_on_it(draw, width: str, landscape: xr.Dataset) -> None:
    spec = paper(width=width, color="density", contours=("loss", "elasticity"), arrows=True, title="A " * 60)
    figure = draw(landscape, spec)
    page = figure.get_size_inches()
    venues = {
        "single": 3.25,
        "double": 6.75,
        "text": 5.5,
        "nature": 3.5,
        "nature-double": 7.2,
        "slide": 10,
        "poster": 20,
    }
    assert page[0] == venues[width]
    assert page[1] <= PRESETS[width].max_height
    assert outside(figure) == []


@pytest.mark.parametrize("draw", BOTH)
@pytest.mark.parametrize("width", WIDTHS)
def test_no_two_labels_of_an_axis_overlap(draw, width: str, landscape: xr.Dataset) -> None:
    figure = draw(landscape, paper(width=width, color="density", color_scale=Scale("log")))
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            boxes = [t.get_window_extent() for t in axis.get_ticklabels() if t.get_text()]
            assert not any(a.overlaps(b) for a, b in itertools.pairwise(boxes))


@pytest.mark.parametrize(("width", "points"), [("single", 8), ("nature", 7), ("slide", 16)])
def test_type_sizes(width: str, points: float, landscape: xr.Dataset) -> None:
    axes = draw_map(landscape, paper(width=width)).axes[0]
    assert axes.xaxis.label.get_fontsize() == points


def test_drawing_leaves_matplotlibs_settings_alone(landscape: xr.Dataset) -> None:
    before = dict(matplotlib.rcParams)
    draw_map(landscape, paper())
    assert dict(matplotlib.rcParams) == before


def test_drawing_does_not_follow_the_users_settings(landscape: xr.Dataset, tmp_path: Path) -> None:
    plain = save(draw_map(landscape, paper()), tmp_path / "a.svg").read_bytes()
    with matplotlib.rc_context({"font.size": 30, "axes.facecolor": "red"}):
        assert save(draw_map(landscape, paper()), tmp_path / "b.svg").read_bytes() == plain


def test_drawing_leaves_the_landscape_alone(landscape: xr.Dataset) -> None:
    before = landscape.copy(deep=True)
    draw_map(landscape, paper(color="density", arrows=True))
    draw_surface(landscape, paper())
    xr.testing.assert_identical(landscape, before)


# The map


def test_colours_are_rasterised_and_lie_on_the_scale(landscape: xr.Dataset) -> None:
    (image,) = named(draw_map(landscape, paper(color="density", color_scale=Scale("log"))), "color-density")
    finite = landscape["density"].values[np.isfinite(landscape["density"].values)]
    assert image.get_rasterized()
    assert image.get_cmap().name == colormap_for("density")
    np.testing.assert_allclose([image.norm.vmin, image.norm.vmax], np.log10([finite.min(), finite.max()]))


def test_alpha_runs_to_the_right_and_beta_up(landscape: xr.Dataset) -> None:
    (image,) = named(draw_map(landscape, paper(color="elasticity")), "color-elasticity")
    drawn, values = image.get_array(), landscape["elasticity"].values
    assert image.origin == "lower"
    corners = [drawn[0, 0], drawn[0, -1], drawn[-1, 0], drawn[-1, -1]]
    np.testing.assert_allclose(corners, [values[0, 0], values[-1, 0], values[0, -1], values[-1, -1]])


def test_gaps_are_masked_hatched_and_named(landscape: xr.Dataset) -> None:
    figure = draw_map(landscape, paper(color="loss", color_scale=Scale("log")))
    (image,), (ground,) = named(figure, "color-loss"), named(figure, "gaps")
    mask = np.ma.getmaskarray(image.get_array())
    assert mask[-1, -1]
    assert mask[0, 0]
    assert not mask[mask.shape[0] // 2, mask.shape[1] // 2]
    assert ground.get_hatch()
    assert "not finite" in legend(figure)


def test_without_gaps_none_are_mentioned(make_landscape: Callable[..., xr.Dataset]) -> None:
    figure = draw_map(make_landscape(gaps=False), paper())
    assert named(figure, "gaps") == []
    assert "not finite" not in legend(figure)


def test_contour_lines_are_vectors_at_labelled_levels(landscape: xr.Dataset) -> None:
    figure = draw_map(landscape, paper(color="memory", contours=("loss",)))
    (lines,) = named(figure, "contour-loss")
    assert not lines.get_rasterized()
    np.testing.assert_allclose(
        10.0 ** np.asarray(lines.levels), [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300][: len(lines.levels)]
    )
    labels = in_subplot(figure)
    assert labels
    assert set(labels) <= {"0.01", "0.03", "0.1", "0.3", "1", "3", "10", "30", "100", "300"}


def test_contour_labels_keep_clear_of_each_other_and_of_the_path(landscape: xr.Dataset) -> None:
    figure = draw_map(landscape, paper())
    boxes = [text.get_window_extent() for text in figure.axes[0].texts]
    (path,) = named(figure, "path")
    track = path.get_transform().transform_path(path.get_path())
    assert not any(track.intersects_bbox(box, filled=False) for box in boxes)
    assert not any(a.overlaps(b) for k, a in enumerate(boxes) for b in boxes[:k])


def test_contours_of_two_variables_differ_in_dashes_too(landscape: xr.Dataset) -> None:
    figure = draw_map(landscape, paper(contours=("loss", "elasticity")))
    one, other = named(figure, "contour-loss")[0], named(figure, "contour-elasticity")[0]
    assert one.get_linestyle()[0] != other.get_linestyle()[0]
    assert {"loss (nats)", "EWC penalty (nats)"} <= set(legend(figure))


def test_the_path_its_ends_and_the_minimum(landscape: xr.Dataset) -> None:
    figure = draw_map(landscape, paper(point=(0.5, 0.25)))
    (path,) = named(figure, "path")
    np.testing.assert_array_equal(path.get_xdata(), landscape["path_alpha"])
    np.testing.assert_array_equal(path.get_ydata(), landscape["path_beta"])
    marks = {gid: named(figure, gid)[0] for gid in ("start", "end", "minimum", "picked point")}
    assert {gid: mark.get_marker() for gid, mark in marks.items()} == {
        "start": "o", "end": "*", "minimum": "x", "picked point": "D",
    }  # fmt: skip
    lowest = landscape["loss"].where(np.isfinite(landscape["loss"])).argmin(["alpha", "beta"])
    assert marks["minimum"].get_xdata()[0] == landscape["alpha"][lowest["alpha"]]
    assert marks["minimum"].get_ydata()[0] == landscape["beta"][lowest["beta"]]
    assert named(draw_map(landscape, paper(path=False)), "path") == []


def test_the_minimum_is_that_of_the_height_as_on_the_page(landscape: xr.Dataset) -> None:
    tilted = landscape.assign(
        accuracy=landscape["accuracy"].copy(data=np.add.outer(*(landscape[d].values for d in ("alpha", "beta"))))
    )
    (mark,) = named(draw_map(tilted, paper(surface="accuracy", elevation_scale=Scale("linear"))), "minimum")
    assert (mark.get_xdata()[0], mark.get_ydata()[0]) == (float(landscape["alpha"][0]), float(landscape["beta"][0]))


def test_a_landscape_without_a_path_is_drawn(landscape: xr.Dataset) -> None:
    bare = landscape.drop_vars(["path_alpha", "path_beta", "elasticity_force_alpha"])
    for draw in BOTH:
        assert "training path" not in legend(draw(bare, paper(arrows=True)))


def test_arrows_follow_the_force(landscape: xr.Dataset) -> None:
    figure = draw_map(landscape, paper(arrows=True))
    quiver = next(artist for artist in figure.axes[0].collections if hasattr(artist, "U"))
    at_left = quiver.X < -0.4
    assert (quiver.U[at_left] > 0).all()
    assert (quiver.U[quiver.X > -0.4] < 0).all()
    assert any(label.startswith("elastic force, ≤") and "nats" in label for label in legend(figure))


@pytest.mark.parametrize("draw", BOTH)
@pytest.mark.parametrize("width", WIDTHS)
def test_the_colour_bar_has_name_unit_and_poles(draw, width: str, landscape: xr.Dataset) -> None:
    bar = draw(landscape, paper(width=width, color="elasticity")).axes[1]
    label = bar.yaxis.get_label().get_text() or bar.xaxis.get_label().get_text()
    assert label.replace("\n", " ") == "EWC penalty (nats)"
    low, high = (next(t for t in bar.texts if t.get_text() == word) for word in ("not-stretchy", "stretchy"))
    assert low.xy <= high.xy
    assert low.xy != high.xy


def test_clipping_points_the_colour_bar(landscape: xr.Dataset) -> None:
    figure = draw_map(landscape, paper(color="loss", color_scale=Scale("linear", high=5.0)))
    assert named(figure, "color-loss")[0].norm.vmax == 5.0
    assert len(figure.axes[1].patches) == 1


@pytest.mark.parametrize("attribute", ["zero", "diverging"])
def test_a_variable_whose_zero_matters_is_centred(attribute: str, landscape: xr.Dataset) -> None:
    landscape["elasticity_force_alpha"].attrs[attribute] = 1
    (image,) = named(draw_map(landscape, paper(color="elasticity_force_alpha")), "color-elasticity_force_alpha")
    assert image.get_cmap().name == "RdBu_r"
    assert image.norm.vmin == -image.norm.vmax


def test_axes_name_directions_and_their_share(make_landscape: Callable[..., xr.Dataset]) -> None:
    axes = draw_map(make_landscape(), paper()).axes[0]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("α · PC 1 (61 %)", "β · PC 2 (15 %)")
    axes = draw_map(make_landscape(kind="random"), paper()).axes[0]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("α", "β")
    axes = draw_map(make_landscape(kind="eigen"), paper()).axes[0]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("α · top eigenvector", "β · second eigenvector")


def test_units_are_equal_unless_one_span_dwarfs_the_other(landscape: xr.Dataset) -> None:
    assert draw_map(landscape, paper()).axes[0].get_aspect() == 1
    flat = landscape.assign_coords(beta=landscape["beta"] / 10)
    assert draw_map(flat, paper()).axes[0].get_aspect() == "auto"


# What is measured


def test_only_complete_rows_and_columns_are_drawn(make_landscape: Callable[..., xr.Dataset]) -> None:
    landscape = make_landscape(na=17, nb=9)
    landscape["measured"][:] = False
    landscape["measured"][::4, ::4] = True
    landscape["measured"][2, 0] = True
    grid = complete_grid(landscape)
    np.testing.assert_array_equal(grid["alpha"], landscape["alpha"][::4])
    np.testing.assert_array_equal(grid["beta"], landscape["beta"][::4])
    draw_map(landscape, paper())


def test_any_pattern_of_missing_points_leaves_a_complete_grid(landscape: xr.Dataset) -> None:
    landscape["measured"][0, 3] = landscape["measured"][5, 0] = False
    grid = complete_grid(landscape)
    assert grid["measured"].all()
    assert grid.sizes["alpha"] * grid.sizes["beta"] > 0.9 * landscape["loss"].size
    for dim in ("alpha", "beta"):
        assert [grid[dim][0], grid[dim][-1]] == [landscape[dim][0], landscape[dim][-1]]


@pytest.mark.parametrize("draw", BOTH)
def test_too_little_measured_is_said(draw, landscape: xr.Dataset) -> None:
    landscape["measured"][:] = False
    landscape["measured"][0, 0] = True
    with pytest.raises(ValueError, match="at least two measured points along alpha"):
        draw(landscape, paper())


def test_falling_coordinates_are_turned(landscape: xr.Dataset) -> None:
    turned = draw_map(landscape.isel(alpha=slice(None, None, -1)), paper(color="elasticity"))
    straight = draw_map(landscape, paper(color="elasticity"))
    for figure in (turned, straight):
        assert figure.axes[0].get_xlim() == (-1, 1)
    np.testing.assert_array_equal(*(named(figure, "color-elasticity")[0].get_array() for figure in (turned, straight)))


@pytest.mark.parametrize("draw", BOTH)
@pytest.mark.parametrize("what", [np.nan, np.inf, 2.0])
def test_a_landscape_of_one_value_or_none_is_drawn(draw, what: float, landscape: xr.Dataset) -> None:
    landscape["loss"][:] = what
    draw(landscape, paper())


def test_between_grid_points_values_are_bilinear() -> None:
    alpha, beta = np.array([0.0, 1.0, 4.0]), np.array([-1.0, 2.0])
    dense = densify(alpha, beta, 2 * alpha[:, None] - 3 * beta, 9)
    np.testing.assert_allclose(dense[2], 2 * dense[0][:, None] - 3 * dense[1], atol=1e-12)


# Slices


@pytest.mark.parametrize("draw", BOTH)
def test_a_slice_is_a_curve(draw, make_landscape: Callable[..., xr.Dataset]) -> None:
    landscape = make_landscape(nb=1, gaps=False)
    landscape["loss"][5] = np.nan
    figure = draw(landscape, paper(color="elasticity"))
    (loss,), (overlay,) = named(figure, "curve-loss"), named(figure, "curve-elasticity")
    np.testing.assert_allclose(loss.get_ydata(), np.log10(landscape["loss"].values[:, 0]))
    np.testing.assert_allclose(overlay.get_ydata(), landscape["elasticity"].values[:, 0])
    (band,) = named(figure, "gaps")
    assert (band.get_x(), band.get_width()) == pytest.approx((float(landscape["alpha"][4]), 2 / 11))
    assert legend(figure) == ["loss", "EWC penalty", "minimum", "not finite"]
    assert "not-stretchy → stretchy" in figure.axes[1].get_ylabel()


def test_a_slice_along_beta_and_a_single_point_are_drawn(landscape: xr.Dataset) -> None:
    assert draw_map(landscape.isel(alpha=[10]), paper()).axes[0].get_xlabel().startswith("β")
    draw_map(landscape.isel(alpha=[10], beta=[5]), paper())


# Bad input


def test_an_unknown_ending_is_refused(landscape: xr.Dataset, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"ends in \.pdf, \.svg or \.png, but 'a\.jpg' came"):
        save(draw_map(landscape, paper()), tmp_path / "a.jpg")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("draw", BOTH)
@pytest.mark.parametrize("field", ["color", "surface", "contours"])
def test_an_unknown_variable_is_refused_with_the_nearest(draw, field: str, landscape: xr.Dataset) -> None:
    if draw is draw_map and field == "surface":
        pytest.skip("a map draws no height")
    wrong = ("elastisity",) if field == "contours" else "elastisity"
    with pytest.raises(ValueError, match="'elastisity' came; did you mean 'elasticity'"):
        draw(landscape, paper(**{field: wrong}))


def test_an_unavailable_variable_is_refused_with_the_reason(landscape: xr.Dataset) -> None:
    with pytest.raises(ValueError, match="'viscosity' is unavailable here: It is measured later"):
        draw_map(landscape, paper(color="viscosity"))


def test_what_was_not_asked_for_is_told_with_the_words_that_measure_it(tmp_path: Path) -> None:
    """The advice is followed: the same survey again, with the overlay, has it."""
    words = ["survey", "gaussians-mlp", "--grid", "3x3", "--no-fidelity", "--out", str(tmp_path / "a.zarr")]
    figure = ["figure", str(tmp_path / "a.zarr"), "--color", "perplexity", "-o", str(tmp_path / "a.pdf")]
    run = CliRunner()
    assert run.invoke(app, [*words, "--overlay", "viscosity", "--effort", "preview"]).exit_code == 0
    said = run.invoke(app, [*figure[:3], "coupling", *figure[4:]])
    assert said.exit_code != 0
    assert "with --overlay coupling besides" in str(said.exception) + said.output
    assert (
        run.invoke(app, [*words, "--overlay", "viscosity", "--overlay", "coupling", "--effort", "preview"]).exit_code
        == 0
    )
    assert run.invoke(app, [*figure[:3], "coupling", *figure[4:]]).exit_code == 0


def test_unknown_width_and_colour_map_are_refused() -> None:
    with pytest.raises(ValueError, match="nature-double, slide, poster, but 'huge' came"):
        paper(width="huge")
    with pytest.raises(ValueError, match="'viridos' came; try 'viridis'"):
        paper(colormap="viridos")
    assert paper(colormap="magma").colormap == "magma"


def test_a_landscape_that_says_nothing_of_itself_is_drawn(landscape: xr.Dataset) -> None:
    bare = xr.Dataset({"loss": (("alpha", "beta"), landscape["loss"].values)}, coords=landscape.coords)
    figure = draw_map(bare, paper())
    assert "loss" in texts(figure)
    draw_map(bare.assign_attrs(plane=json.dumps({"kind": "trajectory", "explained": None})), paper())
