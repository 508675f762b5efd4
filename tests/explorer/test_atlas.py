"""The atlas: rank correlations against closed forms and scipy, what is said of them, the maps, and the figure for print."""

from __future__ import annotations

import json
from pathlib import Path

import lossnav.explorer
import numpy as np
import pytest
import xarray as xr
from lossnav.explorer.figures.paper import draw_atlas
from lossnav.explorer.figures.web.atlas import atlas_figure, ranks_figure
from lossnav.explorer.panels.atlas import atlas_file, layers_of
from lossnav.explorer.summaries.atlas import atlas_readouts, rank_correlations, rank_sentences
from streamlit.testing.v1 import AppTest

APP = str(Path(lossnav.explorer.__path__[0]) / "app.py")


def plane(**values: np.ndarray) -> xr.Dataset:
    """A landscape of these arrays."""
    shape = next(iter(values.values())).shape
    axes = {d: np.linspace(-1, 1, n) for d, n in zip(("alpha", "beta"), shape, strict=True)}
    named = {name: (("alpha", "beta"), v, {"long_name": name, "units": ""}) for name, v in values.items()}
    return xr.Dataset(named, axes)


def ranks_by_hand(first: np.ndarray, second: np.ndarray) -> float:
    """Spearman's ρ as it is defined: Pearson's correlation of the ranks, ties by their mean rank."""
    ranks = [np.array([(v < x).sum() + ((v == x).sum() + 1) / 2 for x in v]) for v in (first.ravel(), second.ravel())]
    return float(np.corrcoef(*ranks)[0, 1])


def test_ranks_of_monotone_functions_are_one_whatever_their_shape() -> None:
    loss = np.random.default_rng(0).normal(size=(9, 7))
    found = rank_correlations(plane(loss=loss, up=np.exp(5 * loss), down=-(loss**3)), ["loss", "up", "down"])
    np.testing.assert_allclose(found.rho, [[1, 1, -1], [1, 1, -1], [-1, -1, 1]], atol=1e-12)
    assert (found.places == 63).all()


def test_ranks_with_ties_are_those_of_the_definition() -> None:
    random = np.random.default_rng(1)
    a, b = random.integers(0, 5, (8, 8)).astype(float), random.normal(size=(8, 8))
    rho = rank_correlations(plane(loss=a, other=a + b), ["loss", "other"]).rho[0, 1]
    assert rho == pytest.approx(ranks_by_hand(a, a + b), abs=1e-12)


def test_only_what_both_were_measured_at_counts() -> None:
    loss = np.arange(49.0).reshape(7, 7)
    other = loss.copy()
    mask = np.zeros((7, 7), bool)
    mask[::2, ::2] = True
    other[~mask] = 1000 - loss[~mask]  # interpolated, and wrong
    land = plane(loss=loss, other=other).assign(measured_curvature=(("alpha", "beta"), mask))
    land["other"].attrs["stage"] = "curvature"
    found = rank_correlations(land, ["loss", "other"])
    assert (found.rho[0, 1], found.places[0, 1], found.places[0, 0]) == (1.0, 16, 49)
    land["loss"][0, 0] = np.nan
    assert rank_correlations(land, ["loss", "other"]).places[0, 1] == 15


def test_constants_and_too_few_points_have_no_rank() -> None:
    loss = np.arange(16.0).reshape(4, 4)
    few = np.where(loss < 5, loss, np.nan)
    found = rank_correlations(plane(loss=loss, flat=np.ones((4, 4)), few=few), ["loss", "flat", "few"])
    assert np.isnan(found.rho[0, 1:]).all()


def test_sentences_say_the_sign_and_what_is_alone() -> None:
    random = np.random.default_rng(2)
    loss = random.normal(size=(20, 20))
    values = {"loss": loss, "up": np.exp(loss), "down": -loss + 0.1 * random.normal(size=(20, 20))}
    land = plane(**values, noise=random.normal(size=(20, 20)))
    said = rank_sentences(land, rank_correlations(land, list(land.data_vars)))
    assert said[0] == "loss and up order the plane alike: ρ = 1."
    assert said[1].startswith("down falls with loss: ρ = −0.9")
    assert said[2].startswith("noise: goes with no other")
    assert len(said) == 3
    apart = plane(loss=loss, noise=random.normal(size=(20, 20)) + loss)
    assert "No two" in rank_sentences(apart, rank_correlations(apart, ["loss", "noise"]))[0]


def test_one_readout_of_each_property_is_shown(land: xr.Dataset) -> None:
    found = atlas_readouts(land)
    assert found[0] == "loss"
    assert {"density", "coupling", "elasticity", "perplexity", "probability", "viscosity", "memory"} == set(found[1:])
    assert atlas_readouts(land.drop_vars("coupling"))[2].startswith("coupling_")
    assert "viscosity_trace" in atlas_readouts(land, {"viscosity": "viscosity_trace"})


def test_the_maps_hold_their_readouts_and_the_matrix_its_numbers(land: xr.Dataset) -> None:
    names = atlas_readouts(land)
    layers = layers_of(land, names)
    maps = [t for t in atlas_figure(land, layers, dark=False).data if t.type == "heatmap"]
    assert [m.name for m in maps] == names
    for drawn, layer in zip(maps, layers, strict=True):
        np.testing.assert_allclose(drawn.z, layer.scale.apply(land[layer.variable].values).T)
    rho = rank_correlations(land, names).rho
    (matrix,) = ranks_figure(land, names, rho, dark=False).data
    np.testing.assert_allclose(matrix.z[2][1], rho[3, 1])
    assert np.isnan(matrix.z[0][1])
    assert matrix.text[2][1] == f"{rho[3, 1]:.2f}".replace("-", "−")


@pytest.mark.parametrize(("width", "rows"), [("double", 1), ("single", 2)])
def test_the_figure_for_print_is_a_row_of_panels_with_letters(land: xr.Dataset, width: str, rows: int) -> None:
    names = atlas_readouts(land)
    figure = draw_atlas(land, layers_of(land, names), width)  # type: ignore[arg-type]
    panels, bars = figure.axes[::2], figure.axes[1::2]
    letters = [text.get_text() for axes in panels for text in axes.texts if text.get_text() in "abcdefgh"]
    assert letters == list("abcdefgh")
    assert len({round(axes.get_position().y0, 6) for axes in panels}) == rows
    assert [axes.images[0].get_gid() for axes in panels] == [f"color-{name}" for name in names]
    figure.draw_without_rendering()
    page = figure.bbox
    for axes in panels:  # nothing is cut by the page
        for text in axes.texts:
            box = text.get_window_extent()
            assert box.y1 <= page.y1 + 0.5
            assert box.x1 <= page.x1 + 0.5
    for bar in bars:
        assert bar.get_tightbbox().y0 >= page.y0 - 0.5


@pytest.mark.parametrize("file_format", ["pdf", "svg", "png"])
def test_the_file_is_the_same_when_made_twice(land: xr.Dataset, file_format: str) -> None:
    names = ["loss", "viscosity", "memory"]
    first = atlas_file(land, names, file_format, "single")
    assert first == atlas_file(land, names, file_format, "single")
    assert first.startswith({"pdf": b"%PDF", "svg": b"<?xml", "png": b"\x89PNG"}[file_format])


def test_the_page() -> None:
    app = AppTest.from_file(APP, default_timeout=120).run().switch_page("views/atlas.py").run()
    assert not app.exception
    assert len(app.multiselect(key="atlas_readouts").value) == 8
    maps, _ = [json.loads(chart.proto.spec) for chart in app.get("plotly_chart")]
    assert sum(t["type"] == "heatmap" for t in maps["data"]) == 8
    assert any("Spearman" in caption.value for caption in app.caption)
    assert any("ρ = " in m.value for m in app.markdown)
    app.selectbox(key="atlas_of").set_value("digits-resnet · trajectory").run()
    assert not app.exception
    app.multiselect(key="atlas_readouts").set_value(["loss"]).run()
    assert any("two readouts" in i.value for i in app.info)
