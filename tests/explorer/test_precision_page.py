"""The precision on the page: offered where the machine has it, in the request, the address and the command; told before it runs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import lossnav.explorer
import pytest
from lossnav.core.engine.precision import PRECISIONS
from lossnav.core.machine import capabilities
from lossnav.core.sealed import read_json, write_json
from lossnav.explorer.controls import precision as controls
from lossnav.explorer.jobs import Jobs
from lossnav.explorer.request.forecast import ForecastRequest
from lossnav.explorer.request.survey import SurveyRequest
from streamlit.testing.v1 import AppTest
from typed_command import computed

APP = str(Path(lossnav.explorer.__path__[0]) / "app.py")


def machine(monkeypatch: pytest.MonkeyPatch, *has: str) -> None:
    """As if this machine had these abilities and no others of those that precisions need."""
    lacking = {"cuda": "no GPU", "tf32": "no TF32", "onednn bf16": "no AVX-512"}
    monkeypatch.setattr(capabilities, "lacking", lambda name: None if name in has else lacking[name])


def opened(**query: str) -> AppTest:
    app = AppTest.from_file(APP, default_timeout=120)
    app.query_params["model"] = "gaussians-mlp"
    app.query_params.update(query)
    return app.run()


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    found: list[object] = []
    monkeypatch.setattr(Jobs, "start", lambda self, request, *how, **more: found.append(request))
    return found


@pytest.mark.parametrize(
    ("has", "offered"),
    [
        ((), ["float32 (exact)"]),
        (("onednn bf16",), ["float32 (exact)", "bf16"]),
        (("cuda",), ["float32 (exact)", "bf16"]),
        (("cuda", "tf32"), ["float32 (exact)", "bf16", "tf32 (GPU)"]),
    ],
)
def test_only_what_the_machine_has_is_offered_and_the_rest_says_why(
    has: tuple[str, ...], offered: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    machine(monkeypatch, *has)
    app = opened(precision="bf16")
    box = app.selectbox(key="precision")
    assert not app.exception
    assert box.options == offered
    assert box.value == ("bf16" if "bf16" in offered else "float32")
    assert box.disabled == (len(offered) == 1)
    assert ("No tf32 here: no TF32." in box.help) == ("tf32" not in has)


def test_it_is_in_the_request_the_address_and_the_command(
    started: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    machine(monkeypatch, "onednn bf16")
    app = opened()
    assert app.toggle(key="insist").disabled
    app.selectbox(key="precision").set_value("bf16").run()
    app.toggle(key="insist").set_value(True).run()
    bound = [app.selectbox(key="precision").proto.query_param_key, app.toggle(key="insist").proto.query_param_key]
    assert bound == ["precision", "insist"]  # which the browser writes into the address
    assert not app.exception
    assert started == []
    app.button(key="resume").click().run()
    request = SurveyRequest("gaussians-mlp", precision="bf16", insist=True)
    assert started == [request]
    words = request.command.split()
    assert words[words.index("--precision") + 1] == "bf16"
    assert "--insist" in words
    again = opened(precision="bf16", insist="true")
    assert (again.selectbox(key="precision").value, again.toggle(key="insist").value) == ("bf16", True)


def test_exact_requests_are_kept_where_they_were_and_others_elsewhere() -> None:
    plain = SurveyRequest("gaussians-mlp")
    lower = replace(plain, precision="bf16")
    assert len({plain.path, lower.path, replace(lower, insist=True).path}) == 3
    assert replace(plain, insist=True).settled == plain
    assert not lower.is_standard
    assert lower.plane_alone == plain.plane_alone
    assert "--precision" not in plain.arguments


def test_it_is_timed_when_a_person_presses_and_the_sentence_is_shown(
    started: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    machine(monkeypatch, "onednn bf16")
    app = opened(precision="bf16")
    asked = ForecastRequest(SurveyRequest("gaussians-mlp", precision="bf16"))
    assert any("not known yet" in box.value for box in app.caption)
    assert started == []
    app.button(key="resume_forecast").click().run()
    assert started == [asked]
    sentence = (
        "Exact float32 runs in place of bf16, which takes 15 times as long here; insist on it to have it all the same."
    )
    asked.path.parent.mkdir(parents=True)
    write_json(asked.path, {"forecast": [sentence, "About 2 min."]})
    shown = opened(precision="bf16")
    assert any(sentence in box.value and "About 2 min." in box.value for box in shown.info)


def test_the_command_tells_and_measures_nothing() -> None:
    asked = ForecastRequest(SurveyRequest("gaussians-mlp", grid=25, effort="none", precision="bf16"))
    computed(asked)
    choice, cost = read_json(asked.path)["forecast"]
    assert "bf16" in choice
    assert "float32" in choice
    assert cost.startswith("About ")
    assert [
        path.name for path in asked.path.parent.parent.iterdir() if path.name not in ("checks", "forecasts", "work")
    ] == []


def test_titles_cover_every_precision() -> None:
    assert set(controls.TITLES) == set(PRECISIONS)
