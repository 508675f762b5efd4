"""`lossnav new`: the file that it writes runs, and no file is ever replaced."""

from __future__ import annotations

from pathlib import Path

import pytest
from lossnav.core import InputError, load_problem, read_landscape
from lossnav.explorer.cli import app
from typer.testing import CliRunner


def test_what_it_writes_can_be_surveyed_from_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    said = CliRunner().invoke(app, ["new", "mine.py"])
    assert said.exit_code == 0
    assert "lossnav explore mine.py" in said.output
    run = CliRunner().invoke(app, ["survey", "mine.py", "--grid", "5", "--overlay", "forward", "--no-fidelity"])
    assert run.exit_code == 0, run.exception
    assert "●" in run.output  # the verdict
    land = read_landscape(tmp_path / "mine.zarr")
    assert land["loss"].shape == (5, 5)
    assert float(land["accuracy"].sel(alpha=0, beta=0)) > 0.9  # it is trained
    assert land.sizes["checkpoint"] == 11


def test_the_trained_network_is_the_last_checkpoint_each_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    CliRunner().invoke(app, ["new", "mine.py"])
    first, second = load_problem("mine.py"), load_problem("mine.py")
    assert first.trajectory is not None
    for name, value in first.trajectory.at(10).items():
        assert value.equal(first.parameters[name])
        assert value.equal(second.parameters[name])


def test_it_never_replaces_a_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text("kept")
    found = CliRunner().invoke(app, ["new", str(file)])
    assert isinstance(found.exception, InputError)
    assert "stays as it is" in str(found.exception)
    assert file.read_text() == "kept"


@pytest.mark.parametrize(("name", "words"), [("mine", "name it mine.py"), ("none/mine.py", "There is no folder")])
def test_a_wrong_name_is_one_sentence(tmp_path: Path, name: str, words: str) -> None:
    found = CliRunner().invoke(app, ["new", str(tmp_path / name)])
    assert isinstance(found.exception, InputError)
    assert words in str(found.exception)
