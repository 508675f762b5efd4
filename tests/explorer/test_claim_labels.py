"""`lossnav claims labels` at the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from lossnav.core import InputError
from lossnav.explorer.cli import app
from torch import nn
from typer.testing import CliRunner

MINE = """
import torch
from lossnav.core import Problem
from torch import nn

def problem():
    draw = torch.Generator().manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 2), nn.Tanh(), nn.Linear(2, 3))
    return Problem(model, torch.randn(12, 4, generator=draw), torch.arange(12) % 3)
"""


@pytest.fixture
def population(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "mine.py").write_text(MINE)
    (tmp_path / "nets").mkdir()
    for k in range(20):
        torch.manual_seed(k)
        model = nn.Sequential(nn.Linear(4, 2), nn.Tanh(), nn.Linear(2, 3))
        state = {name: value * (1 + 2 * (k % 2)) for name, value in model.state_dict().items()}
        torch.save(state, tmp_path / "nets" / f"{k}.pt")
    rows = "".join(f"{k}.pt,{['sgd', 'adam'][k % 2]}\n" for k in range(20))
    (tmp_path / "labels.csv").write_text(f"file,optimiser\n{rows}")
    return tmp_path


def words(folder: Path, **more: str) -> list[str]:
    given = {"--labels": str(folder / "labels.csv"), "--column": "optimiser", "--draws": "59", **more}
    return ["claims", "labels", str(folder / "mine.py"), str(folder / "nets"), *(w for p in given.items() for w in p)]


def test_what_is_told_is_said_and_written(population: Path) -> None:
    out = population / "told.json"
    found = CliRunner().invoke(app, words(population, **{"--out": str(out)}), env={"COLUMNS": "200"})
    assert found.exit_code == 0, found.output
    assert found.stdout.startswith("adam against sgd: ")
    assert "loss alone is right in" in found.stdout
    assert "V is the whole spectrum, 19 eigenvalues." in found.stdout
    assert "Rule: A label is" in found.stdout
    content = json.loads(out.read_text())
    assert content["counts"] == {"adam": 10, "sgd": 10}
    assert content["tests"][0]["p"]["W"] <= 0.05


def test_an_unknown_column_and_ending_get_a_sentence(population: Path) -> None:
    for more, said in (
        ({"--column": "optimizer"}, "did you mean 'optimiser'"),
        ({"--out": "a.csv"}, "should end in .json"),
    ):
        found = CliRunner().invoke(app, words(population, **more))
        assert isinstance(found.exception, InputError)
        assert said in str(found.exception)
