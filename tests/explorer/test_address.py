"""The address holds the picked point and the camera; a bad value in it is one sentence, and the rest of the link works."""

from __future__ import annotations

from pathlib import Path

import lossnav.explorer
import pytest
from lossnav.core.plane.kinds import kind_named
from lossnav.explorer.controls.address import LARGEST, camera_text
from lossnav.explorer.controls.spectrum import SWEEP
from streamlit.testing.v1 import AppTest

APP = str(Path(lossnav.explorer.__path__[0]) / "app.py")


def opened(page: str = "terrain", **query: str) -> AppTest:
    app = AppTest.from_file(APP, default_timeout=120)
    for name, value in {"model": "gaussians-mlp", **query}.items():
        app.query_params[name] = value
    app.switch_page(f"views/{page}.py").run()
    assert not app.exception
    return app


def said(app: AppTest) -> list[str]:
    return [each.value for each in app.warning]


def test_a_link_brings_point_and_camera_back() -> None:
    app = opened(point="0.5,-0.25", camera="1.5,-1,0.5")
    assert app.session_state["picked"] == (0.5, -0.25)
    assert app.session_state["camera"]["eye"] == {"x": 1.5, "y": -1.0, "z": 0.5}
    assert camera_text(app.session_state["camera"]) == "1.5,-1,0.5"
    assert said(app) == []
    app.run()
    assert app.session_state["picked"] == (0.5, -0.25)


def test_the_way_over_other_pages_loses_neither_point_nor_line() -> None:
    app = opened(point="0.5,-0.25", line="0,0,1,1")
    app.switch_page("views/vocabulary.py").run()
    app.switch_page("views/terrain.py").run()
    for name, text in {"point": "0.5,-0.25", "line": "0,0,1,1"}.items():
        assert app.query_params[name] in (text, [text])
    assert app.session_state["picked"] == (0.5, -0.25)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("point", "0.5"),
        ("point", "a,b"),
        ("point", "9" * 400 + ",0"),
        ("point", f"{2 * LARGEST},0"),
        ("point", "nan,inf"),
        ("camera", "1,2"),
        ("camera", "0,0,0"),
        ("camera", "9" * 400),
        ("plane", "sideways"),
        ("plane", "9" * 400),
        ("on_<b>charm</b>", "true"),
        ("on_memory", "perhaps"),
        ("readout_memory", "none such"),
        ("height", "depth"),
        ("grid", "9" * 400),
        ("effort", "<b>much</b>"),
        ("line", "1,2,3"),
        ("walks", "sgd"),
    ],
)
def test_a_bad_value_is_one_sentence_and_the_rest_of_the_link_works(name: str, value: str) -> None:
    app = opened(on_perplexity="true", **{name: value})
    (sentence,) = said(app)
    assert len(sentence) < 500
    assert "<b>" not in sentence.replace("\\<", "")
    assert name.removeprefix("on_").split("_")[0][:4] in sentence or "walk" in sentence or "line" in sentence
    assert app.toggle(key="on_perplexity").value
    assert app.selectbox(key="model").value == "gaussians-mlp"


def test_a_plane_is_named_by_its_key_or_by_its_title() -> None:
    for text in ("trajectory", "Trajectory", kind_named("trajectory").title):
        app = opened(plane=text)
        assert said(app) == []
        assert app.selectbox(key="plane").value == "trajectory"
    (sentence,) = said(opened(plane="nonsense"))
    assert "random, trajectory" in sentence


def test_keys_are_taken_on_the_other_pages_too() -> None:
    app = opened("spectrum", matrix="ggn", section="sweep")
    assert said(app) == []
    assert app.selectbox(key="matrix").value == "ggn"
    assert app.session_state["section"] == SWEEP
    assert "nothing" in said(opened("spectrum", matrix="nothing"))[0]
    assert "elsewhere" in said(opened("spectrum", place="elsewhere"))[0]
    assert opened("density", color_by="confidence").selectbox(key="color_by").value == "confidence"
