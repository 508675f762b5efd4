"""`lossnav check` in the terminal, and the same on the page."""

from __future__ import annotations

from pathlib import Path

import pytest
from lossnav.core import Finding
from lossnav.explorer.cli import app
from lossnav.explorer.panels.check import check_table
from typer.testing import CliRunner

MINE = """
import torch
from torch import nn
from lossnav.core import Problem
problem = Problem(nn.Linear(3, 2), torch.randn(6, 3), torch.tensor([0, 1] * 3))
"""


def test_the_table_has_the_three_kinds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    (tmp_path / "mine.py").write_text(MINE)
    found = CliRunner().invoke(app, ["check", str(tmp_path / "mine.py")])
    assert found.exit_code == 0
    for words in ("understood", "tested", "not to be had", "8 trainable parameters", "The loss changes with them."):
        assert words in found.output


def test_what_should_be_read_first_is_bold_and_names_are_no_markup() -> None:
    shown = check_table([Finding("tested", "<b>x</b>", "y & z", alarms=True), Finding("tested", "calm", "still")])
    assert "&lt;b&gt;x&lt;/b&gt;" in shown
    assert "<b>y &amp; z</b>" in shown
    assert "<b>still</b>" not in shown
