"""`lossnav survey` says what a long survey will cost, and does not start one that does not fit."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from lossnav.core import InputError, read_landscape
from lossnav.core.engine import precision_choice
from lossnav.core.engine.evaluator import Evaluator
from lossnav.core.survey import footprint as memory_needs
from lossnav.explorer.cli import app
from lossnav.explorer.commands import survey as command
from lossnav.explorer.summaries.forward import forward_sentences
from typer.testing import CliRunner

SURVEY = ["survey", "gaussians-mlp", "--grid", "3", "--overlay", "forward", "--no-fidelity", "--out"]


@pytest.mark.parametrize(("threshold", "told"), [(0.0, True), (1e6, False)])
def test_the_cost_of_a_long_survey_is_said_before_it_starts(
    threshold: float, told: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "WORTH_TELLING", threshold)
    for words in (told, False):  # of a survey that goes on nothing is said
        result = CliRunner().invoke(app, [*SURVEY, str(tmp_path / "land")])
        assert result.exit_code == 0, result.output
        assert (re.match(r"About \d+ s, \d+ MB\.", result.stdout) is not None) is words


def test_a_survey_that_does_not_fit_leaves_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_needs, "free_bytes", lambda device: 0)
    result = CliRunner().invoke(app, [*SURVEY, str(tmp_path / "land")])
    assert isinstance(result.exception, InputError)
    assert re.match(r"This survey needs about \d+ MB of memory, and 1 MB are free: ", str(result.exception))
    assert not (tmp_path / "land").exists()


@pytest.fixture
def a_slow_bf16(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine on which bf16 takes fifteen times as long as float32."""

    def timed(each: Evaluator, way: object, batches: object, point: object) -> float:
        return 1e-6 if each.precision is None else 15e-6

    monkeypatch.setattr("lossnav.core.engine.tuning.timed", timed)
    precision_choice._speeds.clear()
    yield
    precision_choice._speeds.clear()


@pytest.fixture
def single_precision(tmp_path: Path) -> str:
    """A user's own problem, in float32, of which alone there is a lower precision."""
    file = tmp_path / "mine.py"
    file.write_text(
        "import torch\nfrom lossnav.core import Problem\n\n\ndef problem():\n"
        "    torch.manual_seed(0)\n"
        "    return Problem(torch.nn.Linear(4, 3), torch.randn(30, 4), torch.arange(30) % 3)\n"
    )
    return str(file)


@pytest.mark.usefixtures("a_slow_bf16")
@pytest.mark.parametrize("insist", [False, True])
def test_a_precision_that_is_slow_here_is_said_with_its_factor_and_once(
    insist: bool, single_precision: str, tmp_path: Path
) -> None:
    words = ["survey", single_precision, *SURVEY[2:], str(tmp_path / "land"), "--precision", "bf16"]
    result = CliRunner().invoke(app, [*words, *(["--insist"] if insist else [])])
    assert result.exit_code == 0, result.output
    assert result.output.count("takes 15 times as long") == 1
    assert result.stdout.startswith("bf16 runs as insisted on" if insist else "Exact float32 runs in place of bf16")
    land = read_landscape(tmp_path / "land")
    assert json.loads(land.attrs["spec"])["precision"] == ("bf16" if insist else None)
    assert "takes 15 times as long" in " ".join(forward_sentences(land))


def test_insistence_without_a_precision_is_refused(single_precision: str, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["survey", single_precision, *SURVEY[2:], str(tmp_path / "land"), "--insist"])
    assert isinstance(result.exception, InputError)
    assert "none is asked for: add" in str(result.exception)
    assert not (tmp_path / "land").exists()
