"""The map of claim memory on its page: cells open, twins and a small run are offered and shown."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import lossnav.explorer
import pytest
from lossnav.core import InputError
from lossnav.core.claims import Control, Result, Verdict, claim_of, code_hash, write_result
from lossnav.core.claims.live import Look
from lossnav.core.claims.memory import BESIDE, NO_MARK
from lossnav.core.claims.robustness import Pass
from lossnav.core.claims.robustness.networks import PassPopulation
from lossnav.core.claims.twin_networks import TwinPair
from lossnav.explorer.cli import app as commands
from lossnav.explorer.figures.shared.plain_text import for_markdown
from lossnav.explorer.figures.web.claim_map import grid_figure, terrains_figure
from lossnav.explorer.request.claim import ClaimRequest, LookRequest, TwinsRequest
from streamlit.testing.v1 import AppTest
from typer.testing import CliRunner


def a_test(contrast: str, outcome: str, data: str = "digits") -> dict[str, object]:
    gain = {"accuracy": [0.8, 0.7, 0.9], "over": [0.2, 0.1, 0.3], "bits": [0.3, 0.2, 0.4], "p_corrected": 0.02}
    return {
        "contrast": contrast,
        "data": data,
        "arm": "late",
        "outcome": outcome,
        "networks": 60,
        "accuracy": {kind: [0.6, 0.5, 0.7] for kind in ("V", "W", "F")},
        "gains": {"W": gain, "F": {**gain, "over": [0.0, -0.1, 0.1]}},
        "p_corrected": {"V": 0.3},
        "spread": [0.9, 0.8, 1.0],
        "lambda_max": [[1.0 + k / 20 for k in range(19)]] * 2,
    }


def a_result() -> Result:
    claim = claim_of("memory")
    verdict = Verdict("undecided", "Nothing is decided.", (Control("same", True, "fine"),))
    tests = [a_test("lr", NO_MARK), a_test("adam", BESIDE), a_test("lr", BESIDE, "mixture")]
    return Result(
        "memory", claim.quick, claim.rule, verdict, claim.figure({"tests": [], "data": []}), {"tests": tests}, "it is a quick run", code_hash(claim), {}
    )  # fmt: skip


TWINS = TwinPair(
    1, [[0.1, 1.0]] * 2, 22.3, 1.9, {"all examples": [0.05] * 2, "task A": [0.04, 0.06], "task B": [0.06, 0.04]},
    [-1.0, 1.0], {"all examples": [[[0.0, 1.0], [1.0, 2.0]]] * 2, "task A": [[[0.0, 1.0], [1.0, 2.0]], [[3.0, 1.0], [1.0, 2.0]]]},
)  # fmt: skip


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("lossnav.core.claims.package_results.FOLDER", tmp_path / "nothing came with it")


def opened() -> AppTest:
    app = AppTest.from_file(str(Path(lossnav.explorer.__path__[0]) / "app.py"), default_timeout=120).run()
    return app.switch_page("views/claims.py").run()


def charts(app: AppTest) -> list[list[str]]:
    return [[str(t.get("name")) for t in json.loads(c.proto.spec)["data"]] for c in app.get("plotly_chart")]


def test_the_map_opens_a_contrast_with_its_distributions_and_the_rules_steps() -> None:
    write_result(a_result(), ClaimRequest("memory", quick=True).path)
    app = opened()
    assert not app.exception
    assert app.selectbox(key="claim_map_place").options == [
        "digits, after the common finish",
        "mixture, after the common finish",
    ]
    assert app.selectbox(key="claim_map_contrast").options == ["lr", "adam"]
    app.selectbox(key="claim_map_contrast").set_value("adam").run()
    assert not app.exception
    assert ["accuracy"] in charts(app)
    assert ["first history", "second history"] in charts(app)
    assert any("above 0: +0.20 (+0.10 to +0.30), yes" in each.value for each in app.caption)
    assert any("+0.00 (-0.10 to +0.10), no" in each.value for each in app.caption)
    app.selectbox(key="claim_map_place").set_value(("mixture", "late")).run()
    assert not app.exception
    assert app.selectbox(key="claim_map_contrast").value == "lr"


def test_a_pass_that_came_with_the_package_stands_beside_the_verdict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Pass("coupling", PassPopulation("relu", 0.05, 60, ("lr",)), 299, {}, "coupling carries 79 % of λ_max.")
    (tmp_path / "coupling-relu.json").write_text(json.dumps(made.as_json()))
    monkeypatch.setattr("lossnav.core.claims.robustness.passes.FOLDER", tmp_path)
    app = opened()
    assert not app.exception
    wanted = "Beside the verdict, relu, loss 0.05, 60 networks a contrast: coupling carries 79 % of λ"
    assert [for_markdown(wanted) in each.value for each in app.caption].count(True) == 1


def test_a_look_and_twins_are_offered_and_nothing_starts_by_itself() -> None:
    app = opened()
    assert not app.exception
    assert app.button(key="resumelook_adam").label == "Run it"
    assert app.button(key="resumetwins").label == "Make them"


def test_a_look_and_twins_are_shown_where_they_are_there() -> None:
    place = LookRequest("adam").path
    place.parent.mkdir(parents=True)
    place.write_text(json.dumps(Look("adam", 60, 99, a_test("adam", BESIDE)).as_json()))
    TwinsRequest().path.write_text(json.dumps(TWINS.as_json()))
    write_result(a_result(), ClaimRequest("memory", quick=True).path)
    app = opened()
    app.selectbox(key="claim_map_contrast").set_value("adam").run()  # the same contrast in the map and in the look
    assert not app.exception
    said = " ".join(str(each.value) for each in app.markdown)
    assert "adam: beside viscosity. The spectrum alone is right in 0.60" in said
    assert "and no reader of spectra can tell them apart" in said
    assert "0.040 and 0.060 (task A first), 0.060 and 0.040 (task B first)" in said


def test_the_grid_marks_the_picked_contrast_and_terrains_share_one_scale() -> None:
    from lossnav.core.claims.cells import map_panel

    figure = grid_figure(map_panel(list(a_result().findings["tests"][:2]), ""), "adam", dark=False)
    marks = {
        name: (x, width)
        for t in figure.data
        for x, (name,), width in zip(t.x, t.customdata, t.marker.line.width, strict=True)
    }
    assert marks == {"lr": (3.0, 0), "adam": (0.0, 3)}
    assert list(figure.layout.xaxis.ticktext)[:2] == [BESIDE, "in viscosity only"]
    two = terrains_figure(TWINS, "task A", dark=True)
    assert {trace.zmax for trace in two.data} == {3.0}
    assert two.data[0].z[0][1] == TWINS.terrains["task A"][0][1][0]  # rows of z run along the second axis


def test_the_commands_write_what_the_page_reads(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    made = dataclasses.replace(TWINS, seed=1_000_000)
    monkeypatch.setattr("lossnav.core.claims.twin_pair", lambda seed: made)
    monkeypatch.setattr("lossnav.core.claims.look", lambda *_: Look("lr", 60, 99, a_test("lr", NO_MARK)))
    out = tmp_path / "twins.json"
    found = CliRunner().invoke(commands, ["claims", "twins", "--out", str(out)])
    assert found.exit_code == 0, found.output
    assert json.loads(out.read_text()) == json.loads(TwinsRequest().path.read_text())
    found = CliRunner().invoke(commands, ["claims", "look", "lr"])
    assert found.exit_code == 0, found.output
    assert "does not hold  F: gain in accuracy" in found.stdout
    assert LookRequest("lr").path.exists()
    wrong = CliRunner().invoke(commands, ["claims", "look", "lr", "--out", "a.txt"])
    assert isinstance(wrong.exception, InputError)
