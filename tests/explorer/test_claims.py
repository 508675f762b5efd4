"""Claims at the command line, as a figure for papers, and on their page."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from lossnav.core import InputError
from lossnav.core.claims import CLAIMS, Control, Panel, Result, Series, Verdict, claim_of, code_hash, write_result
from lossnav.explorer.cli import app
from lossnav.explorer.figures.paper.claim import draw_claim
from lossnav.explorer.figures.paper.save import save
from lossnav.explorer.request.claim import ClaimRequest
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
    plan = ClaimRequest(name, quick=True).plan
    given = {"why_not": "it is a quick run", **words}
    return Result(name, plan, claim.rule, verdict, panels, {}, code=code_hash(claim), versions={}, **given)  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_the_list_says_what_came_of_each() -> None:
    write_result(a_result("memory"), ClaimRequest("memory", quick=True).path)
    found = CliRunner().invoke(app, ["claims"], env={"COLUMNS": "200"})
    assert found.exit_code == 0
    lines = found.stdout.splitlines()
    assert [line.split()[0] for line in lines[1:] if line[:1].strip()] == NAMES
    (memory,) = [line for line in lines if line.startswith("memory")]
    assert "not confirmatory: it is a quick run" in memory
    assert memory.rstrip().endswith("undecided")


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
