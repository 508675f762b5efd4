"""`lossnav survey` says what a long survey will cost, and does not start one that does not fit."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from lossnav.core import InputError
from lossnav.core.survey import footprint as memory_needs
from lossnav.explorer.cli import app
from lossnav.explorer.commands import survey as command
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
