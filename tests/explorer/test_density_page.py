"""The density map's figures, its file, its command, its page."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import lossnav.explorer
import numpy as np
import plotly.graph_objects as go
import pytest
import typed_command as typed
import xarray as xr
from lossnav.core import density_map, load_problem
from lossnav.core.density.claims import DENSITY_CLAIMS
from lossnav.core.formats.density_map import read_density_map, write_density_map
from lossnav.explorer.figures.shared.density_scale import fitting
from lossnav.explorer.figures.shared.example_image import as_image
from lossnav.explorer.figures.web.claim import claim_figure
from lossnav.explorer.figures.web.density import SHARES, density_figure, picked_example, thresholds
from lossnav.explorer.jobs.record import Record
from lossnav.explorer.request.base import modified
from lossnav.explorer.request.density import DensityRequest
from lossnav.explorer.request.survey import SurveyRequest
from streamlit.testing.v1 import AppTest

APP = str(Path(lossnav.explorer.__path__[0]) / "app.py")
COLORS = ("perplexity", "confidence", "gradient_norm", "label", "loss")


@pytest.fixture(scope="module")
def found() -> xr.Dataset:
    return density_map(load_problem("gaussians-mlp"), permutations=100)


@pytest.fixture(scope="module")
def digits() -> xr.Dataset:
    return density_map(load_problem("digits-small-batch"), permutations=100)


def examples_of(figure: go.Figure) -> list[int]:
    shown = [t for t in figure.data if t.type.startswith("scatter") and t.customdata is not None]
    return [int(row[0]) for trace in shown for row in trace.customdata]


@pytest.mark.parametrize("color", COLORS)
def test_every_example_is_drawn_once_at_its_place(found: xr.Dataset, color: str) -> None:
    figure = density_figure(found, color, dark=False)
    assert sorted(examples_of(figure)) == list(range(600))
    for trace in figure.data[1:]:
        rows = [int(row[0]) for row in trace.customdata]
        np.testing.assert_array_equal(trace.x, found["x"].values[rows])
        np.testing.assert_array_equal(trace.y, found["y"].values[rows])


def test_colours_are_the_numbers_on_the_bars_own_scale(found: xr.Dataset) -> None:
    trace = density_figure(found, "gradient_norm", dark=True).data[1]
    rows = [int(row[0]) for row in trace.customdata]
    np.testing.assert_allclose(10.0 ** np.array(trace.marker.color), found["gradient_norm"].values[rows])
    assert trace.marker.colorbar.title.text == "Gradient norm (nats per parameter unit, log scale)"
    sure = fitting(found, "perplexity")
    assert sure.title == "Perplexity − 1 (log scale)"
    np.testing.assert_allclose(sure.values, found["perplexity"].values - 1)
    named = {t.name: len(t.x) for t in density_figure(found, "label", dark=False).data[1:]}
    assert named == {str(c): int((found["label"] == c).sum()) for c in range(3)}


def test_examples_without_a_number_are_drawn_apart(found: xr.Dataset) -> None:
    broken = found.copy(deep=True)
    broken["perplexity"][:7] = np.nan
    broken["perplexity"][7] = np.inf
    figure = density_figure(broken, "perplexity", dark=False)
    assert sorted(examples_of(figure)) == list(range(600))
    (apart,) = [t for t in figure.data if t.name == "not finite"]
    assert len(apart.x) == 7
    none = found.copy(deep=True)
    for name in ("perplexity", "gradient_norm"):
        none[name][:] = np.nan
        assert len(claim_figure(none, name, dark=False).data[0].x) == 0
        assert sorted(examples_of(density_figure(none, name, dark=False))) == list(range(600))


def test_the_lines_hold_the_shares_they_say(found: xr.Dataset) -> None:
    density = found["kernel_density"].values
    for share, level in zip(SHARES, thresholds(density, SHARES), strict=True):
        assert density[density >= level].sum() / density.sum() == pytest.approx(share, abs=0.01)
    bands = density_figure(found, "loss", dark=False).data[0]
    steps = np.array(bands.z).T
    inside = steps > bands.contours.end - 1e-9  # within the innermost line
    assert density[inside].sum() / density.sum() == pytest.approx(SHARES[0], abs=0.01)


def test_a_click_says_which_example(found: xr.Dataset) -> None:
    assert picked_example({"selection": {"points": [{"customdata": [3, "text"]}]}}) == 3
    assert picked_example({"selection": {"points": [{"customdata": {"0": 4, "1": "text"}}]}}) == 4
    for nothing in (None, {}, {"selection": {"points": []}}, {"selection": {"points": [{"x": 1.0}]}}):
        assert picked_example(nothing) is None
    ring = [t for t in density_figure(found, "loss", False, picked=5).data if t.name == "picked example"]
    assert [float(t.x[0]) for t in ring] == [float(found["x"][5])] * 2


def test_medians_follow_the_claim(digits: xr.Dataset) -> None:
    (line,) = [t for t in claim_figure(digits, "perplexity", dark=False).data if t.name.startswith("median")]
    assert len(line.x) == 10
    assert line.y[0] > line.y[-1]  # sparse examples have higher perplexity here
    assert list(line.x) == sorted(line.x)


def test_digits_are_images_and_other_inputs_are_not(digits: xr.Dataset, found: xr.Dataset) -> None:
    pixels = digits["input"].values[3]
    image = as_image(pixels, (64,), 0.0, 1.0)
    assert image is not None
    np.testing.assert_array_equal(image[::12, ::12], np.round(255 * pixels).reshape(8, 8).astype(np.uint8))
    assert as_image(pixels, (64,), -1.0, 1.0) is None
    assert as_image(found["input"].values[0], (2,), 0.0, 1.0) is None
    assert as_image(np.zeros(3 * 25), (3, 5, 5), 0.0, 1.0) is not None
    assert as_image(np.zeros(25), (1, 5, 5), 0.0, 0.0) is None


def test_every_choice_is_another_map() -> None:
    plane = SurveyRequest("gaussians-mlp")
    requests = [
        DensityRequest("gaussians-mlp"),
        DensityRequest("digits-resnet"),
        DensityRequest("gaussians-mlp", "1"),
        DensityRequest("gaussians-mlp", checkpoint=3),
        DensityRequest("gaussians-mlp", plane=plane, point=(0.5, -0.1)),
        DensityRequest("gaussians-mlp", plane=plane, point=(0.5, 0.1)),
    ]
    assert len({r.path for r in requests}) == len(requests)
    assert requests[2].command == "lossnav density gaussians-mlp --layer 1"
    assert "--plane random" in requests[4].command
    assert "--at=0.5,-0.1" in requests[4].command


def command_line(*words: str) -> typed.Ended:
    return typed.lossnav("density", *words)


def test_the_command_says_both_claims_and_keeps_the_map(tmp_path: Path) -> None:
    out = tmp_path / "new folder" / "map.nc"
    words = ("gaussians-mlp", "--checkpoint", "0", "--layer", "1", "--permutations", "50", "--out", str(out))
    result = command_line(*words)
    assert result.returncode == 0, result.stderr
    kept = read_density_map(out)
    for claim in json.loads(kept.attrs["claims"]):
        assert f"{claim['sentence']} ({claim['verdict']})" in result.stdout.splitlines()
    assert f"Bandwidth {kept.attrs['bandwidth']:.3g} map units" in result.stdout
    problem = load_problem("gaussians-mlp")
    assert problem.trajectory is not None
    first = density_map(problem, problem.trajectory.at(0), layer="1", permutations=50)
    np.testing.assert_allclose(kept["perplexity"], first["perplexity"], rtol=1e-5)
    assert command_line(*words[:1], "--at=0.5,-0.25", "--plane", "trajectory", "--permutations", "9").returncode == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--layer", "nine"), "Unknown layer 'nine'"),
        (("--checkpoint", "99"), "checkpoint should be from 0 to 39"),
        (("--permutations", "0"), "--permutations should be 1 or more"),
        (("--out", "map.zarr"), "--out should end in .nc"),
    ],
)
def test_the_command_answers_bad_input_in_a_sentence(words: tuple[str, str], said: str) -> None:
    result = command_line("gaussians-mlp", *words)
    assert result.returncode == 2
    assert said in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def opened() -> AppTest:
    app = AppTest.from_file(str(Path(lossnav.explorer.__path__[0]) / "app.py"), default_timeout=120).run()
    return app.switch_page("views/density.py").run()


def drawn(app: AppTest, number: int = 0) -> list[dict[str, object]]:
    assert not app.exception
    return json.loads(app.get("plotly_chart")[number].proto.spec)["data"]  # type: ignore[no-any-return]


def test_the_page_shows_map_and_claims(found: xr.Dataset) -> None:
    write_density_map(found, DensityRequest("gaussians-mlp").path)
    app = opened()
    assert {trace["name"] for trace in drawn(app)} == {"density", "examples"}
    texts = " ".join(str(block.proto.body) for block in app.get("html")).replace("\N{NO-BREAK SPACE}", " ")
    for claim in json.loads(found.attrs["claims"]):
        assert claim["sentence"] in texts
    assert app.selectbox(key="layer").options == ["inputs", *json.loads(found.attrs["layers"])]
    app.selectbox(key="color_by").set_value("label").run()
    assert {trace["name"] for trace in drawn(app)} == {"density", "0", "1", "2"}
    assert [claim.variable for claim in DENSITY_CLAIMS] == ["gradient_norm", "perplexity"]
    app.session_state["picked_example"] = {"gaussians-mlp": 17}
    app.run()
    assert "picked example" in {trace["name"] for trace in drawn(app)}


def test_a_picked_point_of_the_terrain_and_a_checkpoint_are_places(found: xr.Dataset) -> None:
    plane = SurveyRequest("gaussians-mlp")
    requests = {
        "Trained network": DensityRequest("gaussians-mlp"),
        "Checkpoint of the training": DensityRequest("gaussians-mlp", checkpoint=20),
        "Picked point of the terrain": DensityRequest("gaussians-mlp", plane=plane, point=(0.5, 0.25)),
    }
    for number, request in enumerate(requests.values()):
        write_density_map(found.assign(loss=found["loss"] + number + 1), request.path)
    app = opened()
    app.session_state["picked"], app.session_state["surveyed"] = (0.5, 0.25), plane
    app.selectbox(key="color_by").set_value("loss").run()
    for number, place in enumerate(requests):
        app.radio(key="density_place").set_value(place).run()
        bar = next(t for t in drawn(app) if t["name"] == "examples")["marker"]
        assert bar["cmin"] == pytest.approx(float(found["loss"].min()) + number + 1)  # type: ignore[index]


def test_what_has_no_class_is_coloured_by_loss_with_the_reason() -> None:
    numbers = density_map(load_problem("linear-regression"), permutations=50)
    write_density_map(numbers, DensityRequest("linear-regression").path)
    app = opened()
    app.selectbox(key="model").set_value("linear-regression")
    app.selectbox(key="color_by").set_value("label").run()
    assert any("Coloured by loss, for the targets are numbers" in c.value for c in app.caption)
    assert {trace["name"] for trace in drawn(app)} == {"density", "examples"}


def test_a_first_look_maps_a_few_examples_and_forecasts_the_rest(found: xr.Dataset) -> None:
    app = AppTest.from_file(APP, default_timeout=120)
    app.query_params["model"], app.query_params["layer"] = "gaussians-mlp", "0"
    app.switch_page("views/density.py").run()
    assert not app.exception
    assert {b.key for b in app.button} == {"resume", "resume_look"}
    look = DensityRequest("gaussians-mlp", "0", examples=200)
    assert look.command == "lossnav density gaussians-mlp --layer 0 --examples 200"
    look.path.parent.mkdir(parents=True)
    write_density_map(found.isel(example=slice(200)), look.path)
    end = look.path.stat().st_mtime
    Record(look.path, tuple(look.arguments), end - 10, Path("none"), started=end - 9, code=0).write()
    app.run()
    assert not app.exception
    assert any(
        "200 examples, in 9 s. At that pace every further 1,000 take about 20 s." in c.value for c in app.caption
    )
    assert [b.key for b in app.button] == ["resume"]


def test_the_whole_map_is_kept_where_it_always_was() -> None:
    """A new field of the request moves no result that was kept before."""
    content = {"target": "a.py", "layer": None, "checkpoint": None, "plane": None, "point": None}
    content["changed"] = modified("a.py")
    key = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]
    assert DensityRequest("a.py").path.name == f"a-{key}.nc"
    assert DensityRequest("a.py", examples=200).path != DensityRequest("a.py").path
