"""Whatever the page finds damaged is a sentence there, and a way on."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import lossnav.explorer
import pytest
from lossnav.core import InputError, Plane, load_problem, survey
from lossnav.core.sealed import write_json
from lossnav.core.walk import Recipe
from lossnav.explorer.jobs import Jobs
from lossnav.explorer.panels import claim_card
from lossnav.explorer.request import shipped as shelf
from lossnav.explorer.request.claim import ClaimRequest
from lossnav.explorer.request.density import DensityRequest
from lossnav.explorer.request.forecast import ForecastRequest
from lossnav.explorer.request.profile import ProfileRequest
from lossnav.explorer.request.spectrum import AlongRequest, SpectrumRequest
from lossnav.explorer.request.survey import SurveyRequest
from lossnav.explorer.request.walk import WalkRequest
from streamlit.testing.v1 import AppTest

APP = str(Path(lossnav.explorer.__path__[0]) / "app.py")


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    found: list[object] = []
    monkeypatch.setattr(Jobs, "start", lambda self, request, **how: found.append((request, how)))
    return found


def test_a_damaged_landscape_offers_to_measure_what_is_damaged(started: list[object]) -> None:
    request = SurveyRequest("linear-regression", seed=3)
    problem = load_problem("linear-regression")
    survey(problem, Plane.random(problem, seed=3), (5, 5), overlays=("forward",), store=request.path, fidelity=False)
    (request.path / "values/c/0/0").unlink()
    app = AppTest.from_file(APP, default_timeout=120)
    app.query_params.update({"model": "linear-regression", "seed": "3"})
    app.run()
    assert not app.exception
    assert any("points 0–24 of 'values'" in box.value for box in app.error)
    app.button(key="repair").click().run()
    assert started == [(request, {"repair": True})]


@pytest.mark.parametrize(
    "content", [b"", b"{", b"\x89HDF\r\n\x1a\n", b"\x00" * 999, b'{"spectrum": {}, "about": 1}', b"[]"]
)
@pytest.mark.parametrize(
    ("page", "query", "request_"),
    [
        ("spectrum", {}, SpectrumRequest("gaussians-mlp")),
        ("spectrum", {"place": "Along the training"}, AlongRequest("gaussians-mlp", "hessian")),
        ("density", {}, DensityRequest("gaussians-mlp")),
    ],
)
def test_a_damaged_file_is_a_sentence_and_is_set_aside_on_request(
    page: str, query: dict[str, str], request_, content: bytes, started: list[object]
) -> None:
    request_.path.parent.mkdir(parents=True, exist_ok=True)
    request_.path.write_bytes(content)
    app = AppTest.from_file(APP, default_timeout=120)
    app.query_params.update({"model": "gaussians-mlp", **query})
    app.switch_page(f"views/{page}.py").run()
    assert [error.message for error in app.exception] == []
    assert any("cannot be read" in box.value for box in app.error)
    assert started == []
    app.button(key=f"again {request_.path.name}").click().run()
    assert [request for request, _ in started] == [request_]
    assert request_.path.with_name(f"damaged-{request_.path.name}").read_bytes() == content


def run(script: Callable[..., None], *words: object) -> AppTest:
    app = AppTest.from_function(script, default_timeout=120, args=words).run()
    assert [error.message for error in app.exception] == []
    return app


def _a_forecast() -> None:
    from lossnav.explorer.panels.forecast import forecast_panel
    from lossnav.explorer.request.survey import SurveyRequest

    forecast_panel(SurveyRequest("gaussians-mlp", precision="bf16"))


def _a_line() -> None:
    from lossnav.explorer.panels import profile
    from lossnav.explorer.request.profile import ProfileRequest
    from lossnav.explorer.request.survey import SurveyRequest

    profile._shown(ProfileRequest.across(SurveyRequest("linear-regression"), ((0.0, 0.0), (1.0, 1.0))))


def _a_walk() -> None:
    from lossnav.core.walk import Recipe
    from lossnav.explorer.panels import walk
    from lossnav.explorer.request.survey import SurveyRequest
    from lossnav.explorer.request.walk import WalkRequest

    walk._listed([WalkRequest(SurveyRequest("gaussians-mlp"), (0.5, 0.5), Recipe("sgd", 10))])


def test_a_damaged_forecast_is_set_aside_on_request(started: list[object]) -> None:
    asked = ForecastRequest(SurveyRequest("gaussians-mlp", precision="bf16"))
    asked.path.parent.mkdir(parents=True)
    write_json(asked.path, {"forecast": ["Takes 2 min."]})
    assert any("Takes 2 min." in box.value for box in run(_a_forecast).info)
    asked.path.write_bytes(asked.path.read_bytes().replace(b"2 min", b"3 min"))
    app = run(_a_forecast)
    assert any("is damaged" in box.value for box in app.error)
    assert not any("min." in box.value for box in app.info)
    app.button(key=f"again {asked.path.name}").click().run()
    assert [request for request, _ in started] == [asked]


def test_a_damaged_line_is_measured_anew_on_request(started: list[object]) -> None:
    request = ProfileRequest.across(SurveyRequest("linear-regression"), ((0.0, 0.0), (1.0, 1.0)))
    problem = load_problem("linear-regression")
    line = Plane.random(problem).across((0.0, 0.0), (1.0, 1.0))
    survey(problem, line, (33, 1), span=((0.0, 1.0), (0.0, 0.0)), store=request.path, fidelity=False)
    assert not run(_a_line).error
    (request.path / "values/c/0/0").unlink()
    app = run(_a_line)
    assert any("is damaged" in box.value for box in app.error)
    app.button(key="anew_profile").click().run()
    assert started == [(request, {"overwrite": True})]


def test_a_damaged_walk_is_walked_anew_on_request(started: list[object]) -> None:
    request = WalkRequest(SurveyRequest("gaussians-mlp"), (0.5, 0.5), Recipe("sgd", 10))
    request.path.parent.mkdir(parents=True)
    request.path.write_bytes(b"PK\x03\x04 and no more")
    app = run(_a_walk)
    assert app.button(key="walk_resume_0").label == "Walk anew"
    app.button(key="walk_resume_0").click().run()
    assert [each for each, _ in started] == [request]
    assert not request.path.exists()


def test_a_damaged_result_of_a_claim_and_of_the_package_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    request = ClaimRequest("collapse")
    request.path.parent.mkdir(parents=True, exist_ok=True)
    request.path.write_text("{")

    def spoilt(claim: object) -> None:
        raise InputError("'collapse.json' is damaged.")

    monkeypatch.setattr(claim_card, "shipped", spoilt)
    app = AppTest.from_file(APP, default_timeout=120)
    app.switch_page("views/claims.py").run()
    assert [error.message for error in app.exception] == []
    assert any("Install it anew" in box.value for box in app.error)
    assert any("cannot be read" in box.value for box in app.error)


@pytest.mark.parametrize("what", ["list", "file"])
def test_what_came_with_the_samples_and_is_damaged_is_said(
    what: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = tmp_path / "pages"
    shutil.copytree(shelf.FOLDER, folder)
    damaged = folder / ("index.json" if what == "list" else "gaussians-mlp.spectrum.json")
    content = bytearray(damaged.read_bytes())
    content[len(content) // 2] ^= 2
    damaged.write_bytes(content)
    monkeypatch.setattr(shelf, "FOLDER", folder)
    app = AppTest.from_file(APP, default_timeout=120)
    app.query_params["model"] = "gaussians-mlp"
    app.switch_page("views/spectrum.py").run()
    assert [error.message for error in app.exception] == []
    assert any("is damaged, and is not shown" in box.value for box in app.info)
    assert app.button(key="resume").label == "Compute"
