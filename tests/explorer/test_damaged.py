"""Whatever the page finds damaged is a sentence there, and a way on."""

from __future__ import annotations

from pathlib import Path

import lossnav.explorer
import pytest
from lossnav.core import Plane, load_problem, survey
from lossnav.explorer.jobs import Jobs
from lossnav.explorer.request.density import DensityRequest
from lossnav.explorer.request.spectrum import AlongRequest, SpectrumRequest
from lossnav.explorer.request.survey import SurveyRequest
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
    app.button(key="again").click().run()
    assert [request for request, _ in started] == [request_]
    assert request_.path.with_name(f"damaged-{request_.path.name}").read_bytes() == content
