"""Claims at the command line, as a figure for papers, and on their page."""

from __future__ import annotations

import json
from pathlib import Path

import lossnav.explorer
import numpy as np
import pytest
from lossnav.core import InputError
from lossnav.core.claims import CLAIMS, Control, Panel, Result, Series, Verdict, claim_of, code_hash, write_result
from lossnav.explorer.cli import app
from lossnav.explorer.figures.paper.claim import draw_claim
from lossnav.explorer.figures.paper.save import save
from lossnav.explorer.figures.shared.plain_text import for_markdown
from lossnav.explorer.figures.web.claim_panel import panel_figure
from lossnav.explorer.request.claim import ClaimRequest
from lossnav.explorer.summaries.claim_results import best_result
from platformdirs import user_cache_path
from streamlit.testing.v1 import AppTest
from typer.testing import CliRunner

NAMES = [claim.name for claim in CLAIMS]


def a_result(name: str, **words: object) -> Result:
    claim = claim_of(name)
    rows = Series("V", (0.5, 0.9), (0.0, 1.0), (0.4, 0.8), (0.6, 1.0))
    panels = (
        Panel(
            "a map",
            "accuracy",
            "",
            (rows, Series("W", (0.7, None), (0.2, 1.2))),
            ("lr", "adam"),
            ("no mark found", "saturated"),
            (0.5,),
        ),
        Panel("lines", "x", "y", (Series("one", (1.0, 2.0), (1.0, 3.0), kind="line", faint=True),), logarithmic="xy"),
        Panel("bars", "x", "", (Series("b", (1.0, 2.0), (0.0, 1.0), kind="bars"),), ("p", "q")),
    )
    verdict = Verdict(
        "undecided", "Controls failed: “same”.", (Control("same", False, "at 0.9"), Control("path", True, "fine"))
    )
    given = {"plan": ClaimRequest(name, quick=True).plan, "why_not": "it is a quick run", **words}
    fixed = {"rule": claim.rule, "verdict": verdict, "panels": panels, "code": code_hash(claim)}
    return Result(name, findings={}, versions={}, **fixed, **given)  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("lossnav.core.claims.package_results.FOLDER", tmp_path / "nothing came with it")


def test_the_list_says_what_came_of_each() -> None:
    write_result(a_result("memory"), ClaimRequest("memory", quick=True).path)
    found = CliRunner().invoke(app, ["claims"], env={"COLUMNS": "200"})
    assert found.exit_code == 0
    lines = found.stdout.splitlines()
    assert [line.split()[0] for line in lines[1:] if line[:1].strip()] == NAMES
    (memory,) = [line for line in lines if line.startswith("memory")]
    assert "not confirmatory: it is a quick run" in memory
    assert memory.rstrip().endswith("undecided")


@pytest.fixture
def shipped_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Result:
    """A result that came with the package, of the registered plan and code."""
    monkeypatch.setattr("lossnav.core.claims.package_results.FOLDER", tmp_path)
    found = a_result("memory", plan=claim_of("memory").full, why_not=None)
    write_result(found, tmp_path / "memory.json")
    return found


def test_what_came_with_the_package_is_shown_with_nothing_run(shipped_memory: Result, tmp_path: Path) -> None:
    listed = CliRunner().invoke(app, ["claims"], env={"COLUMNS": "200"})
    (memory,) = [line for line in listed.stdout.splitlines() if line.startswith("memory")]
    assert "confirmatory, shipped" in memory
    drawn = CliRunner().invoke(app, ["claims", "figure", "memory", "-o", str(tmp_path / "a.pdf")])
    assert drawn.exit_code == 0, drawn.output
    page = opened()
    assert not page.exception
    assert "Confirmatory, shipped" in texts(page)
    assert len(page.get("plotly_chart")) == 1


def test_a_quick_run_does_not_stand_before_what_was_shipped_and_a_confirmatory_one_of_ones_own_does(
    shipped_memory: Result,
) -> None:
    write_result(a_result("memory"), ClaimRequest("memory", quick=True).path)
    assert best_result("memory").status == "confirmatory, shipped"
    write_result(shipped_memory, ClaimRequest("memory").path)
    assert best_result("memory").status == "confirmatory"
    assert "Confirmatory, shipped" not in texts(opened())


@pytest.mark.parametrize("ending", [".pdf", ".svg", ".png"])
def test_a_figure_is_drawn_of_a_result(tmp_path: Path, ending: str) -> None:
    write_result(a_result("memory"), ClaimRequest("memory", quick=True).path)
    out = tmp_path / f"figure{ending}"
    found = CliRunner().invoke(app, ["claims", "figure", "memory", "--quick", "-o", str(out)])
    assert found.exit_code == 0, found.output
    assert out.stat().st_size > 2000
    again = save(draw_claim(a_result("memory")), tmp_path / f"again{ending}", "")
    assert again.stat().st_size > 2000


def test_the_figure_shows_the_numbers() -> None:
    figure = draw_claim(a_result("memory"))
    first, second, third = figure.axes
    assert [text.get_text() for text in first.get_yticklabels()] == ["lr", "adam"]
    np.testing.assert_array_equal(first.lines[0].get_xdata(), [0.5, 0.9])
    assert {"no mark found", "saturated"} <= {text.get_text() for text in first.texts}
    assert (second.get_xscale(), second.get_yscale()) == ("log", "log")
    figure.canvas.draw()
    labels = [
        tick.get_text() for axis in (second.xaxis, second.yaxis) for tick in axis.get_ticklabels() if tick.get_text()
    ]
    assert {"1", "2"} <= set(labels)
    assert not any("$" in label for label in labels)
    assert [bar.get_width() for bar in third.patches] == [1.0, 2.0]
    assert "undecided (not confirmatory: it is a quick run)" in figure.get_suptitle().replace("\n", " ")


def test_without_a_result_it_is_said_what_to_run(tmp_path: Path) -> None:
    found = CliRunner().invoke(app, ["claims", "figure", "memory", "--networks", "40", "-o", str(tmp_path / "a.pdf")])
    assert isinstance(found.exception, InputError)
    assert "run `lossnav claims run memory --networks 40` first" in str(found.exception)


def test_every_choice_is_another_result_and_the_command_says_it() -> None:
    requests = [
        ClaimRequest("memory"),
        ClaimRequest("memory", quick=True),
        ClaimRequest("memory", base=5),
        ClaimRequest("memory", networks=40),
        ClaimRequest("memory", data="mixture"),
    ]
    assert len({request.path for request in requests}) == len(requests)
    whole = ClaimRequest("memory", True, 5, 40, "mixture")
    assert whole.command == "lossnav claims run memory --quick --seed-base 5 --networks 40 --data mixture"


def test_an_unknown_claim_and_ending_get_a_sentence(tmp_path: Path) -> None:
    for words, said in (
        (["claims", "run", "memry"], "did you mean 'memory'"),
        (["claims", "run", "memory", "--out", str(tmp_path / "a.txt")], "should end in .json"),
        (["claims", "run", "memory", "--networks", "7"], "even number from 24"),
    ):
        found = CliRunner().invoke(app, words)
        assert isinstance(found.exception, InputError)
        assert said in str(found.exception)


def opened() -> AppTest:
    app = AppTest.from_file(str(Path(lossnav.explorer.__path__[0]) / "app.py"), default_timeout=120).run()
    return app.switch_page("views/claims.py").run()


def texts(app: AppTest) -> str:
    return " ".join(str(each.value) for each in app.markdown)


def test_the_page_offers_a_small_run_of_each_and_starts_nothing_by_itself() -> None:
    app = opened()
    assert not app.exception
    assert [app.button(key=f"resume{name}").label for name in NAMES] == ["Run it"] * len(NAMES)
    assert all(for_markdown(claim.rule) in texts(app) for claim in CLAIMS)
    assert all(for_markdown(claim.not_said) in texts(app) for claim in CLAIMS)
    assert not list(user_cache_path("lossnav").glob("work/*.json"))


def test_the_page_shows_a_result_with_its_status_and_failed_controls() -> None:
    write_result(a_result("memory"), ClaimRequest("memory", quick=True).path)
    app = opened()
    assert not app.exception
    assert "Controls failed: “same”." in texts(app)
    assert "Not confirmatory: it is a quick run" in texts(app)
    assert any("1 of 2 controls passed. same: at 0.9." in each.value for each in app.caption)
    (drawn,) = app.get("plotly_chart")
    traces = json.loads(drawn.proto.spec)["data"]
    assert [trace["name"] for trace in traces] == ["V", "W"]
    app.selectbox(key="panel_memory").set_value(2).run()
    assert json.loads(app.get("plotly_chart")[0].proto.spec)["data"][0]["type"] == "bar"


def test_a_panel_on_the_page_has_its_rows_words_and_intervals() -> None:
    figure = panel_figure(a_result("memory").panels[0], dark=True)
    assert list(figure.layout.yaxis.ticktext) == ["lr", "adam"]
    assert [each.text for each in figure.layout.annotations] == ["no mark found", "saturated"]
    np.testing.assert_allclose(figure.data[0].error_x.array, [0.1, 0.1])
    np.testing.assert_allclose(figure.data[0].error_x.arrayminus, [0.1, 0.1])
    assert panel_figure(a_result("memory").panels[1], dark=False).layout.yaxis.type == "log"


def test_what_the_page_starts_is_the_command() -> None:
    request = ClaimRequest("memory", quick=True)
    assert [*request.arguments, "--out", str(request.path)][:3] == ["claims", "run", "memory"]
    found = CliRunner().invoke(app, [*request.arguments, "--networks", "23", "--out", str(request.path)])
    assert "even number" in str(found.exception)
