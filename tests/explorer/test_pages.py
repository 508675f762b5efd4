"""Every page, run by Streamlit's own test harness."""

from __future__ import annotations

import json
from pathlib import Path

import lossnav.explorer
import numpy as np
import pytest
from charts import figures_of
from lossnav.core import PROPERTIES
from lossnav.sample_models import NAMES
from streamlit.testing.v1 import AppTest
from typed_command import computed

APP = str(Path(lossnav.explorer.__path__[0]) / "app.py")


@pytest.fixture
def app() -> AppTest:
    return AppTest.from_file(APP, default_timeout=120)


def figure(app: AppTest, index: int) -> dict:
    """The page's surface (0) or its map (1)."""
    drawn = figures_of(app)
    kind = ("surface", "heatmap")[index]
    return next(f for f in drawn if f["data"][0]["type"] == kind)


def toggle(app: AppTest, name: str):
    return app.toggle(key=f"on_{name}")


def test_the_terrain_opens_on_the_first_sample(app: AppTest) -> None:
    app.run()
    assert not app.exception
    assert app.selectbox(key="model").value == NAMES[0]
    surface, flat = figure(app, 0), figure(app, 1)
    assert surface["data"][0]["type"] == "surface"
    assert flat["data"][0]["type"] == "heatmap"


@pytest.mark.parametrize("name", NAMES)
def test_every_sample_has_its_landscapes(app: AppTest, name: str) -> None:
    app.run()
    for plane in ("random", "trajectory"):
        app.selectbox(key="model").set_value(name)
        app.selectbox(key="plane").set_value(plane).run()
        assert not app.exception
        assert not app.error
        assert figure(app, 0)["data"][0]["z"]


def test_the_verdict_stands_before_the_picture(app: AppTest) -> None:
    app.run()
    (answer,) = [e for e in app.expander if "Is this plot right?" in e.label]
    assert answer.label.startswith(':color[●]{foreground="#')
    assert "finite" in answer.get("html")[0].proto.body
    assert not any("measured" in info.value for info in app.info)  # a shipped landscape is whole: nothing is offered


def test_switches_change_the_colour_and_add_lines(app: AppTest) -> None:
    app.run()
    before = figure(app, 0)["data"]
    toggle(app, "probability").set_value(True).run()
    coloured = figure(app, 0)["data"]
    assert coloured[0]["colorscale"] != before[0]["colorscale"]
    toggle(app, "memory").set_value(True).run()
    assert not app.exception
    assert len(figure(app, 0)["data"]) == len(before) + 1


def test_what_is_unavailable_says_why_in_its_place(app: AppTest) -> None:
    app.run()
    assert not any(toggle(app, p.name).disabled for p in PROPERTIES)
    app.selectbox(key="model").set_value("linear-regression").run()
    assert toggle(app, "probability").disabled
    assert any("no softmax" in box.value for box in app.info)


def test_temperature_changes_confidence_without_a_new_survey(app: AppTest) -> None:
    app.run()
    toggle(app, "probability").set_value(True).run()
    before = figure(app, 0)["data"][0]["surfacecolor"]
    app.select_slider(key="temperature").set_value(4.0).run()
    assert not app.exception
    assert figure(app, 0)["data"][0]["surfacecolor"] != before


def test_strength_scales_the_elastic_penalty(app: AppTest) -> None:
    app.run()
    app.selectbox(key="model").set_value("digits-two-tasks-ewc")
    toggle(app, "elasticity").set_value(True).run()
    assert not app.exception
    app.select_slider(key="strength").set_value(10.0).run()
    assert not app.exception


def test_a_readout_and_a_scale_can_be_chosen(app: AppTest) -> None:
    app.run()
    toggle(app, "probability").set_value(True).run()
    app.selectbox(key="readout_probability").set_value("probability_entropy").run()
    assert "Output entropy" in figure(app, 0)["data"][0]["colorbar"]["title"]["text"]


def test_the_vocabulary_page_shows_every_flag_as_it_is(app: AppTest) -> None:
    app.run()
    app.switch_page("views/vocabulary.py").run()
    assert not app.exception
    shown = [box.value for box in app.warning]
    assert sorted(shown) == sorted(flag for owner in PROPERTIES for flag in owner.entry.flags)
    texts = " ".join(m.value for m in app.markdown)
    for owner in PROPERTIES:
        assert owner.entry.meaning in texts


def test_the_models_page_has_a_card_for_each(app: AppTest) -> None:
    app.run()
    app.switch_page("views/models.py").run()
    assert not app.exception
    assert len(app.subheader) == len(NAMES)


def test_the_inspector_shows_every_readout(land) -> None:
    from lossnav.explorer.panels.inspector import inspected

    rows = inspected(land, (2, 3))
    names = {name for name, _, _ in rows}
    assert {"Loss", "Accuracy", "Confidence", "EWC penalty", "Occupation by the path"} <= names
    assert len(rows) == 1 + sum(
        np.issubdtype(v.dtype, np.floating)
        for name, v in land.data_vars.items()
        if v.dims == ("alpha", "beta") and not str(name).endswith("_se")
    )
    between, corner = ({name: value for name, value, _ in inspected(land, c)} for c in ((2, 3), (0, 0)))
    assert between["Off-diagonal share"].startswith("≈ ")  # interpolated, and said so
    assert " ± " in corner["Off-diagonal share"]
    assert corner["Shape"] in ("bowl", "valley", "saddle", "plateau", "ridge")
    assert len(inspected(land, (2, 3), ["loss", "viscosity"])) == 3


def test_exports_are_what_they_say(land) -> None:
    from lossnav.explorer.export import Export, exported
    from lossnav.explorer.state import Drawing, View

    picture = View(Drawing("loss"), {"probability": Drawing("probability")}, "probability").picture(land)
    starts = {"pdf": b"%PDF", "svg": b"<?xml", "png": b"\x89PNG", "html": b"<!doctype html>", "csv": b"alpha,beta"}
    for kind in ("map", "surface"):
        for file_format, start in starts.items():
            content = exported(
                land, picture, Export(kind, file_format, "single", {"eye": {"x": 1.0, "y": -1.0, "z": 1.0}})
            )
            assert content.startswith(start), (kind, file_format)
    assert b"cdn" not in exported(land, picture, Export("map", "html", "single"))[-20000:]
    assert exported(land, picture, Export("map", "nc", "single"))[1:4] == b"HDF"


def test_trust_is_said_in_sentences(land) -> None:
    from lossnav.explorer.summaries.trust import sentences

    said = " ".join(sentences(land, json.loads(land.attrs["fidelity"])))
    assert "Cosine between the two directions" in said
    assert "60.9" in said  # a random walk's first component
    assert "of the Hessian's trace" in said
    assert "off the plane" in said


def test_a_line_between_two_checkpoints_is_a_curve(app: AppTest) -> None:
    from lossnav.explorer.request.survey import SurveyRequest

    request = SurveyRequest("gaussians-mlp", "line", effort="none").with_values({"between": "checkpoint:7,trained"})
    computed(request)
    app.run()
    app.selectbox(key="plane").set_value("line").run()
    app.selectbox(key="effort").set_value("none")
    app.select_slider(key="between_1").set_value(7).run()
    assert not app.exception
    assert app.toggle(key="live").disabled
    drawn = figures_of(app)
    assert [f["data"][0]["type"] for f in drawn] == ["scatter", "scatter"]
    assert drawn[0]["layout"]["xaxis"]["title"]["text"] == "α · from checkpoint:7 to trained"
    assert any("checkpoint:7: loss" in box.proto.body for box in app.get("html"))
