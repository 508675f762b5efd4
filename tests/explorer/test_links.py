"""A link computes nothing: an address, whatever it says, shows what is there; only a person's press starts work."""

from __future__ import annotations

from pathlib import Path

import lossnav.explorer
import pytest
from lossnav.explorer.jobs import Jobs
from lossnav.explorer.live.pool import LiveWorker
from lossnav.explorer.request.density import DensityRequest
from lossnav.explorer.request.spectrum import AlongRequest, SpectrumRequest
from lossnav.explorer.request.survey import SurveyRequest
from streamlit.testing.v1 import AppTest

APP = str(Path(lossnav.explorer.__path__[0]) / "app.py")
TERRAIN, SPECTRUM, DENSITY = PAGES = ("views/terrain.py", "views/spectrum.py", "views/density.py")
PICKED = "Picked point of the terrain"
PLANE, POINT = (
    SurveyRequest("gaussians-mlp", seed=5, turn=15.0),
    {"surface": "random;seed=5;turn=15", "point": "0.5,-0.25"},
)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What is started, of any kind; nothing really runs."""
    found: list[object] = []
    monkeypatch.setattr(Jobs, "start", lambda self, request, overwrite=False: found.append(request))
    monkeypatch.setattr(LiveWorker, "_next", lambda self: found.append("live"))
    return found


def opened(page: str, **query: str) -> AppTest:
    app = AppTest.from_file(APP, default_timeout=120)
    for name, value in query.items():
        app.query_params[name] = value
    return app.switch_page(page).run()


@pytest.mark.parametrize(
    ("page", "query", "asked"),
    [
        (TERRAIN, {"seed": "5"}, SurveyRequest("gaussians-mlp", seed=5)),
        (TERRAIN, {"grid": "101 × 101"}, SurveyRequest("gaussians-mlp", grid=101)),
        (SPECTRUM, {"matrix": "Gauss-Newton"}, SpectrumRequest("gaussians-mlp", "ggn")),
        (SPECTRUM, {"place": "Along the training", "matrix": "Fisher"}, AlongRequest("gaussians-mlp", "fisher")),
        (DENSITY, {"layer": "0"}, DensityRequest("gaussians-mlp", "0")),
        (SPECTRUM, {"place": PICKED, **POINT}, SpectrumRequest("gaussians-mlp", plane=PLANE, point=(0.5, -0.25))),
        (DENSITY, {"density_place": PICKED, **POINT}, DensityRequest("gaussians-mlp", plane=PLANE, point=(0.5, -0.25))),
    ],
)
def test_an_address_offers_and_a_press_starts(
    page: str, query: dict[str, str], asked: object, started: list[object]
) -> None:
    app = opened(page, model="gaussians-mlp", **query)
    assert not app.exception
    assert started == []
    app.button(key="resume").click().run()
    assert started == [asked]


@pytest.mark.parametrize(
    ("surface", "point", "said"),
    [
        ("randum", "0,0", "randum"),
        ("random;seed=x", "0,0", "seed"),
        ("random;seed", "0,0", "NAME=VALUE"),
        ("random;colour=red", "0,0", "no parameter 'colour'"),
        ("random;turn=400", "0,0", "-90 to 90"),
        ("random;centre=99", "0,0", "from 0 to 39"),
        ("random", "1", "the point is “1”"),
    ],
)
def test_a_picked_point_that_there_is_not_is_one_sentence(
    surface: str, point: str, said: str, started: list[object]
) -> None:
    app = opened(SPECTRUM, model="gaussians-mlp", surface=surface, point=point)
    assert not app.exception
    assert started == []
    (warning,) = app.warning
    assert said in warning.value.replace("\\", "")
    assert "surface" not in app.query_params


@pytest.mark.parametrize(("page", "key"), [(SPECTRUM, "place"), (DENSITY, "density_place")])
def test_a_point_picked_on_the_terrain_is_in_the_address_of_other_pages(
    page: str, key: str, started: list[object]
) -> None:
    app = opened(page, model="gaussians-mlp")
    app.session_state["picked"], app.session_state["surveyed"] = (0.5, -0.25), PLANE
    app.run()
    assert "surface" not in app.query_params
    app.radio(key=key).set_value(PICKED).run()
    assert {name: app.query_params[name] for name in POINT} == POINT
    app.radio(key=key).set_value("Trained network").run()
    assert not {"surface", "point"} & set(app.query_params)


def test_an_address_that_turns_a_plane_measures_nothing_until_somebody_presses(started: list[object]) -> None:
    app = opened(TERRAIN, model="gaussians-mlp", live="true", turn="15")
    assert not app.exception
    assert started == []
    app.button(key="turn_it").click().run()
    assert set(started) == {"live"}


def test_a_finer_grid_is_started_by_its_button(started: list[object]) -> None:
    app = opened(TERRAIN, model="gaussians-mlp")
    assert started == []
    app.button(key="refine").click().run()
    assert started == [SurveyRequest("gaussians-mlp", grid=101)]


NUMBERS = (
    "inf",
    "nan",
    "1e400",
    "1e30",
    "-99999999999",
    "99999999999",
    "9" * 400,
    "-" + "9" * 400,
    "0x10",
    "\u0000",
    "",
    "<b>x</b>",
    "🙂",
)
BOUND = {
    TERRAIN: ("seed", "turn", "zoom", "grid", "centre", "every", "low_terrain", "high_terrain", "temperature", "plane"),
    SPECTRUM: ("checkpoint", "matrix", "section", "shape"),
    DENSITY: ("layer", "color_by", "claim", "checkpoint"),
}


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("value", NUMBERS)
def test_no_address_ends_in_a_traceback_or_in_work(page: str, value: str, started: list[object]) -> None:
    extra = {"place": "Checkpoint of the training"} if page == SPECTRUM else {}
    app = opened(page, **dict.fromkeys(BOUND[page], value), **extra)
    assert [error.message for error in app.exception] == []
    assert started == []
    if value in ("inf", "1e400", "9" * 400):
        assert any("is not possible" in box.value for box in app.warning)
