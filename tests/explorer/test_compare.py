"""Compare: one scale, ends and levels for all, one span or each its own, and the difference of two."""

from __future__ import annotations

import json
from pathlib import Path

import lossnav.explorer
import numpy as np
import pytest
import xarray as xr
from charts import charts_of, figures_of
from lossnav.core import InputError, Settings
from lossnav.explorer.comparable import Comparable, comparable
from lossnav.explorer.figures.shared.picture import path_inside, value_text
from lossnav.explorer.figures.shared.scales import format_value
from lossnav.explorer.panels.compare import Comparison, figures
from lossnav.explorer.request.survey import SurveyRequest
from lossnav.explorer.summaries.compare import (
    difference,
    difference_layer,
    difference_text,
    in_common,
    in_other_units,
    joint_layer,
    joint_span,
    planes_text,
)
from lossnav.explorer.summaries.comparison_table import comparison_rows, scale_text
from streamlit.testing.v1 import AppTest

APP = str(Path(lossnav.explorer.__path__[0]) / "app.py")
PAIR = ("digits-resnet · random", "digits-plain · random")


def shipped(target: str, plane: str = "random") -> xr.Dataset:
    return Comparable("", SurveyRequest(target, plane)).source().landscape(Settings())


@pytest.fixture(scope="module")
def pair() -> list[xr.Dataset]:
    return [shipped("digits-resnet"), shipped("digits-plain")]


@pytest.fixture(scope="module")
def alike() -> list[xr.Dataset]:
    """Two landscapes with every readout in the same units."""
    return [shipped("digits-small-batch"), shipped("digits-large-batch")]


def asked(look: str = "3-D", color: str = "loss", shared: bool = True) -> Comparison:
    return Comparison(look, "loss", color, shared, dark=False)


def test_one_scale_covers_all_and_its_ends_are_the_joint_extremes(pair: list[xr.Dataset]) -> None:
    layer = joint_layer(pair, "loss")
    every = np.concatenate([land["loss"].values.ravel() for land in pair])
    for land in pair:
        np.testing.assert_allclose(layer.limits(land["loss"].values), layer.scale.apply([every.min(), every.max()]))
        assert list(layer.scale.ticks(land["loss"].values)[1]) == list(layer.scale.ticks(every)[1])
        assert list(layer.scale.levels(land["loss"].values)[1]) == list(layer.scale.levels(every)[1])


@pytest.mark.parametrize("look", ["3-D", "2-D"])
@pytest.mark.parametrize("color", ["loss", "viscosity", "probability", "shape"])
def test_equal_values_have_equal_colours(look: str, color: str, alike: list[xr.Dataset]) -> None:
    one, other = figures(alike, asked(look, color), (0.2, 0.2))
    ends = ("cmin", "cmax") if look == "3-D" else ("zmin", "zmax")
    assert [one.data[0][e] for e in ends] == [other.data[0][e] for e in ends]
    assert one.data[0].colorscale == other.data[0].colorscale
    assert one.data[0].colorbar.tickvals == other.data[0].colorbar.tickvals or color == "shape"
    if look == "3-D":
        assert one.layout.scene.zaxis.range == other.layout.scene.zaxis.range


def test_a_diverging_colour_is_so_for_all_where_it_is_for_one(alike: list[xr.Dataset]) -> None:
    signed = [land.copy(deep=True) for land in alike]
    for land, low in zip(signed, (-2.0, 0.5), strict=True):
        shape = land["loss"].shape
        land["viscosity"].values[:] = np.linspace(low, 3.0, shape[0] * shape[1]).reshape(shape)
        land["viscosity"].attrs |= {"diverging": 1, "scale": "linear"}
    one, other = figures(signed, asked("2-D", "viscosity"), None)
    assert one.data[0].colorscale == other.data[0].colorscale
    assert (other.data[0].zmin, other.data[0].zmax) == (-3.0, 3.0)


def test_one_span_or_each_its_own(pair: list[xr.Dataset]) -> None:
    wide = pair[1].assign_coords(alpha=3 * pair[1]["alpha"])
    for look, name in (("3-D", "scene"), ("2-D", "xaxis")):
        for shared in (True, False):
            drawn = figures([pair[0], wide], asked(look, shared=shared), None)
            ranges = [(f.layout.scene.xaxis if name == "scene" else f.layout.xaxis).range for f in drawn]
            wanted = (-3.0, 3.0) if shared else (-1.0, 1.0)
            assert ranges[0] == (wanted if shared or name == "xaxis" else None)
    assert joint_span([pair[0], wide])[0] == (-3.0, 3.0)


def test_the_difference_is_the_difference(pair: list[xr.Dataset]) -> None:
    one, other = pair
    found = difference(one, other, "loss")
    np.testing.assert_allclose(found["loss"], other["loss"].values.astype(float) - one["loss"].values.astype(float))
    same = difference(one, one, "loss")
    assert float(np.abs(same["loss"]).max()) == 0
    assert "From 0 nats to 0 nats" in difference_text(same, "loss")
    assert difference_layer(found, "loss").scale.kind == "symlog"
    shifted = one.assign(loss=one["loss"] + 0.25)
    assert difference_text(difference(one, shifted, "loss"), "loss").startswith("From 0.25 nats to 0.25 nats")


def test_a_difference_needs_equal_grids_and_numbers(pair: list[xr.Dataset]) -> None:
    one, other = pair
    with pytest.raises(InputError, match=r"equal grids.* 50 × 51"):
        difference(one, other.isel(alpha=slice(1, None)), "loss")
    with pytest.raises(InputError, match="equal grids"):
        difference(one, other.assign_coords(alpha=2 * other["alpha"]), "loss")
    with pytest.raises(InputError, match="class"):
        difference(one, other, "shape")


def test_interpolated_values_stay_marked_in_a_difference(alike: list[xr.Dataset]) -> None:
    one, other = alike
    found = difference(one, other, "viscosity")
    assert 0 < float(found["measured"].mean()) < 1


def test_whether_the_planes_are_one_is_said(pair: list[xr.Dataset]) -> None:
    one, other = pair
    assert "on one plane" in planes_text(one, one)
    assert "two planes" in planes_text(one, other)
    assert "do not say" in planes_text(one, other.assign_attrs(plane="{}"))


def test_what_is_offered_is_there_and_what_is_in_common_is_in_all(alike: list[xr.Dataset]) -> None:
    assert set(PAIR) <= set(comparable())
    common = in_common(alike)
    assert {"loss", "viscosity", "shape"} <= set(common)
    assert "viscosity_se" not in common
    assert "viscosity" not in in_common([alike[0], alike[1].drop_vars("viscosity")])


def test_numbers_in_other_units_are_neither_offered_nor_drawn_on_one_scale(alike: list[xr.Dataset]) -> None:
    one, other = alike[0], alike[1].copy()
    other["viscosity"] = other["viscosity"].assign_attrs(units="nats per squared parameter unit")
    assert in_other_units(alike) == []
    assert in_other_units([one, other]) == ["viscosity"]
    assert "viscosity" not in in_common([one, other])
    said = (
        "it is in nats per squared filter length here and in nats per squared parameter unit there. Draw each by itself"
    )
    for draw in (joint_layer, lambda lands, name: difference(*lands, name)):
        with pytest.raises(InputError, match=said):
            draw([one, other], "viscosity")
    del other["viscosity"].attrs["units"]  # another program's, which states none
    assert in_other_units([one, other]) == []


def test_the_table_has_the_networks_own_numbers_at_their_centres(alike: list[xr.Dataset]) -> None:
    rows = {row.title: row.cells for row in comparison_rows(alike)}
    assert rows["Parameters"] == tuple(f"{land.lossnav.problem['parameters']:,}" for land in alike)
    assert rows["Loss (nats)"] == tuple(format_value(land.lossnav.centre["loss"]) for land in alike)
    centre = [tuple(int(np.abs(land[d].values).argmin()) for d in ("alpha", "beta")) for land in alike]
    for name in ("coupling", "slope"):
        title = next(each for each in rows if each.startswith(alike[0][name].attrs["long_name"]))
        assert rows[title] == tuple(value_text(land, name, cell) for land, cell in zip(alike, centre, strict=True))
    low, high = (format_value(float(end)) for end in (alike[0]["loss"].min(), alike[0]["loss"].max()))
    assert rows["Loss in the plane (nats)"][0] == f"{low} to {high}"
    assert not any(set(cells) == {"–"} for cells in rows.values())


def test_the_table_never_sets_another_unit_or_definition_under_one_heading(alike: list[xr.Dataset]) -> None:
    one = alike[0].copy()
    other = alike[0].copy(deep=True)
    other["coupling"].attrs |= {"units": "nats per filter length"}
    other["slope"].attrs |= {"long_name": "Slope, measured by an older definition"}
    rows = {row.title: row.cells for row in comparison_rows([one, other])}
    first, second = rows["Coupling coefficient κ"]
    assert second == "–"
    assert rows["Coupling coefficient κ (nats/length)"] == ("–", first)
    assert rows["Slope (nats/unit)"][1] == "–"
    assert rows["Slope, measured by an older definition (nats/unit)"][0] == "–"


def test_a_centre_between_grid_points_is_interpolated_and_says_so() -> None:
    axis = {"alpha": [-1.0, 3.0], "beta": [-1.0, 1.0]}
    values = (("alpha", "beta"), [[2.0, 2.0], [6.0, 6.0]], {"long_name": "Slope"})
    land = xr.Dataset({"slope": values}, axis)  # 2 at −1, 6 at 3: 3 at 0
    assert [(row.title, row.cells) for row in comparison_rows([land])] == [("Slope", ("≈ 3",))]
    assert comparison_rows([land.isel(beta=[1])]) == []


def test_the_scale_that_is_said_is_the_one_that_is_drawn(pair: list[xr.Dataset]) -> None:
    said = scale_text(pair, joint_layer(pair, "loss"))
    every = np.concatenate([land["loss"].values.ravel() for land in pair])
    assert said == f"Loss (nats), {format_value(float(every.min()))} to {format_value(float(every.max()))}, logarithmic"


def page(**query: object) -> AppTest:
    app = AppTest.from_file(APP, default_timeout=120)
    for name, value in query.items():
        app.query_params[name] = value
    app.run()
    return app.switch_page("views/compare.py").run()


def drawn(app: AppTest) -> list[dict]:
    return figures_of(app)


def test_the_page_opens_on_two_and_shows_up_to_four() -> None:
    app = page()
    assert not app.exception
    assert app.multiselect(key="compared").value == list(PAIR)
    assert [f["data"][0]["type"] for f in drawn(app)] == ["surface"] * 2
    assert {json.loads(c.proto.json)["together"] for c in charts_of(app)} == {"compared"}
    table = next(each.proto.body for each in app.get("html") if "<table" in each.proto.body)
    assert table.count("class='judged'") == 2
    assert "Is it right?" in table
    assert "Height and colour of all: Loss (nats)" in table
    four = [*PAIR, "digits-small-batch · random", "digits-large-batch · random"]
    app.multiselect(key="compared").set_value(four).run()
    app.segmented_control(key="compare_look").set_value("2-D").run()
    assert not app.exception
    shown = drawn(app)
    assert [f["data"][0]["type"] for f in shown] == ["heatmap"] * 4
    assert len({(f["data"][0]["zmin"], f["data"][0]["zmax"]) for f in shown}) == 1


def test_the_difference_of_two_and_why_there_is_none_of_three() -> None:
    app = page()
    app.segmented_control(key="compare_look").set_value("Difference").run()
    assert not app.exception
    assert any("less" in m.value and "root mean square" in m.value for m in app.markdown)
    assert any("two planes" in c.value for c in app.caption)
    app.multiselect(key="compared").set_value([*PAIR, "digits-small-batch · random"]).run()
    assert any("of two landscapes" in i.value for i in app.info)
    app.multiselect(key="compared").set_value(list(PAIR[:1])).run()
    assert any("two to four" in i.value for i in app.info)


def test_the_choice_is_in_the_address() -> None:
    app = AppTest.from_file(APP, default_timeout=120)
    app.query_params["compared"] = ["gaussians-mlp · random", "gaussians-mlp · trajectory"]
    app.query_params["compare_look"] = "2-D"
    app.switch_page("views/compare.py").run()
    assert not app.exception
    assert app.multiselect(key="compared").value == ["gaussians-mlp · random", "gaussians-mlp · trajectory"]
    assert [f["data"][0]["type"] for f in drawn(app)] == ["heatmap"] * 2


def test_names_in_the_address_that_are_not_offered_are_said() -> None:
    app = page(compared=["gaussians-mlp · random", "nowhere · *random*", "gaussians-mlp · trajectory"])
    assert not app.exception
    assert app.multiselect(key="compared").value == ["gaussians-mlp · random", "gaussians-mlp · trajectory"]
    (said,) = [box.value for box in app.warning]
    assert said == "The address names landscapes that are none of those offered here: “nowhere · \\*random\\*”."


def test_more_landscapes_in_the_address_than_are_compared_are_said() -> None:
    five = [*PAIR, "digits-small-batch · random", "digits-large-batch · random", "gaussians-mlp · random"]
    app = page(compared=five)
    assert not app.exception
    assert app.multiselect(key="compared").value == five[:4]
    assert [box.value for box in app.warning] == ["The address names 5 landscapes: the first 4 are shown."]


def test_the_atlas_says_what_it_does_not_know() -> None:
    app = AppTest.from_file(APP, default_timeout=120)
    app.query_params["atlas_of"] = "nowhere"
    app.query_params["atlas_readouts"] = ["Loss", "Luck", "Perplexity"]
    app = app.run().switch_page("views/atlas.py").run()
    assert not app.exception
    assert app.multiselect(key="atlas_readouts").value == ["loss", "perplexity"]
    assert ["“nowhere”" in box.value or "“Luck”" in box.value for box in app.warning] == [True, True]


def test_a_file_that_names_nothing_is_compared_by_its_loss(pair: list[xr.Dataset]) -> None:
    bare = pair[0].copy()
    bare["loss"] = xr.DataArray(pair[0]["loss"].values, dims=("alpha", "beta"))
    assert in_common([bare[["loss"]], pair[1]]) == ["loss"]
    found = difference(bare, pair[1], "loss")
    assert found["loss"].attrs["long_name"] == "Difference of loss"


def test_slices_along_either_axis_have_a_path_or_none_without_warnings(pair: list[xr.Dataset]) -> None:
    for axis in ("alpha", "beta"):
        path_inside(pair[0].isel({axis: [25]}))  # pytest makes errors of warnings
